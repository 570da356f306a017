"""What docker-compose.yml forbids fails, natively: a namespace of mounts for a container, one of networks for all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contained import CONTAINERS, contained, why_not

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("keys", "console", "auth", "usage", "sensors")
pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"not held here: {why_not()}")

TRIES = """
import json, os, resource, subprocess, sys

def told(try_it):
    try:
        return try_it() and None
    except OSError as error:
        return type(error).__name__ if error.errno != 30 else "read-only"

volume, secrets, sources = sys.argv[1:]
print(json.dumps({
    "root": told(lambda: open("/usr/x", "w")),
    "sources": told(lambda: open(sources + "/x", "w")),
    "run": told(lambda: open("/run/x", "w")),
    "secret": told(lambda: open(secrets + "/x", "w")),
    "memory": told(lambda: open("/tmp/x", "w")),
    "megabytes": open("/tmp/y", "wb", 0).write(bytes(80 << 20)) >> 20,
    "volume": told(lambda: open(volume + "/x", "w")),
    "owner": told(lambda: os.chown("/tmp/x", 0, 0)),
    "root's number": told(lambda: os.setuid(0)),
    "a low port": told(lambda: __import__("socket").create_server(("127.0.0.1", 80))),
    "privileges": open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0],
    "mounting": subprocess.run(["mount", "-o", "remount,rw", "/"], capture_output=True).returncode,
    "capabilities": sorted({line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")}),
    "processes": resource.getrlimit(resource.RLIMIT_NPROC),
    "read": open(secrets + "/A").read(),
}))
"""


def test_a_process_writes_where_its_container_may_and_gains_nothing(tmp_path: Path) -> None:
    secrets, volume = tmp_path / "secrets", tmp_path / "volume"
    secrets.mkdir()
    (secrets / "A").write_text("hunter2")
    command = [sys.executable, "-c", TRIES, str(volume), str(secrets), str(ROOT)]
    held = contained(command, SERVICES["keys"], readable=[secrets], writable=[volume])
    done = subprocess.run(held, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        **dict.fromkeys(("root", "sources", "run", "secret"), "read-only"),
        **dict.fromkeys(("memory", "volume"), None),
        "megabytes": 64,
        **dict.fromkeys(("owner", "root's number", "a low port"), "PermissionError"),
        "privileges": "1",
        "mounting": 32,
        "capabilities": ["0000000000000000"],
        "processes": [CONTAINERS * SERVICES["keys"]["pids_limit"]] * 2,
        "read": "hunter2",
    }
    assert (volume / "x").exists()


CONTAINER = """
import json, socket, sys
print("is there", flush=True)
held = [socket.create_server(tuple(place)) for place in json.loads(sys.stdin.readline())]
print("listens", flush=True)
for line in sys.stdin:
    try:
        socket.create_connection(tuple(json.loads(line)), 20).close()
        print("reached", flush=True)
    except OSError:
        print("not reached", flush=True)
"""
PORTS = {"postgres": 5432, "rabbitmq": 5672, "redis": 6379, "prometheus": 9090, "grafana": 3000}
OUTSIDE = "198.51.100.1"


class Networks:
    """docker-compose.yml's networks as bridges, its containers as namespaces, each listening as its service does."""

    def __init__(self) -> None:
        self._ended = ExitStack()
        self._switch = self._namespace()
        self._containers = {name: self._namespace() for name in (*SERVICES, "outside")}
        self._lines: dict[str, list[str]] = {name: ["link set lo up"] for name in self._containers}
        self._lines["outside"].append(f"addr add {OUTSIDE}/32 dev lo")
        self.addresses: dict[tuple[str, str], str] = {}
        for at, (name, network) in enumerate(COMPOSE["networks"].items()):
            self._connect(at, name, network or {})
        for name, lines in self._lines.items():
            self._ip(self._containers[name], lines)
            self._say(name, self._listens(name))

    def _connect(self, at: int, network: str, entry: dict[str, Any]) -> None:
        """A bridge, and a pair of interfaces for each that is on it."""
        subnet = ip_network(entry["ipam"]["config"][0]["subnet"] if "ipam" in entry else f"10.7.{at}.0/24")
        members = {name: _at(service["networks"], network) for name, service in SERVICES.items()}
        places = {name: place.get("ipv4_address", "") for name, place in members.items() if place is not None}
        if not entry.get("internal"):
            for name in places:
                # Not by default: Docker drops what goes from one of its networks to another, and a test would wait.
                self._lines[name].append(f"route replace {OUTSIDE} via {subnet[1]}")
            places = {"outside": str(subnet[1])} | places
        bridge = [f"link add b{at} type bridge", f"link set b{at} up"]
        for number, (name, stated) in enumerate(places.items()):
            address = self.addresses[name, network] = stated or str(subnet[200 + number])
            bridge.append(f"link add p{at}x{number} type veth peer name e{at} netns {self._containers[name].pid}")
            bridge += [f"link set p{at}x{number} master b{at}", f"link set p{at}x{number} up"]
            own = [f"addr add {address}/{subnet.prefixlen} dev e{at}", f"link set e{at} up"]
            self._lines[name] = own + self._lines[name]
        self._ip(self._switch, bridge)

    def _listens(self, name: str) -> list[tuple[str, int]]:
        internal = SERVICES.get(name, {}).get("environment", {}).get("INTERNAL_ADDRESS")
        own = PORTS.get(name, 443 if name == "outside" else 8000)
        return [("", own), *([(internal, 8001)] if internal else [])]

    def reaches(self, name: str, address: str, port: int) -> bool:
        return self._say(name, (address, port)) == "reached"

    def _say(self, name: str, what: object) -> str:
        process = self._containers[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def _namespace(self) -> "subprocess.Popen[str]":
        command = ["unshare", "--net", sys.executable, "-c", CONTAINER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ended.callback(process.wait)
        self._ended.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "is there\n"
        return process

    def _ip(self, process: "subprocess.Popen[str]", lines: list[str]) -> None:
        enter = ["nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "-batch", "-"]
        done = subprocess.run(enter, input="\n".join(lines), capture_output=True, text=True)
        assert done.returncode == 0, (lines, done.stderr)

    def close(self) -> None:
        self._ended.close()


def _at(networks: Any, name: str) -> dict[str, str] | None:
    """What an entry says of that network: they are listed, or told more of."""
    if name not in networks:
        return None
    return (networks[name] or {}) if isinstance(networks, dict) else {}


@pytest.fixture(scope="module")
def networks() -> Iterator[Networks]:
    made = Networks()
    yield made
    made.close()


def test_the_front_reaches_webs_and_console_and_nothing_behind_them(networks: Networks) -> None:
    at = networks.addresses
    assert all(networks.reaches("front", at[name, "doors"], 8000) for name in OURS)
    for name in OURS:
        assert not networks.reaches("front", at[name, "doors"], 8001)
        assert not networks.reaches("front", at[name, "stores"], 8000)
    assert not any(networks.reaches("front", at[name, "inside"], 8001) for name in OURS if name != "console")
    assert not any(networks.reaches("front", at[store, "stores"], PORTS[store]) for store in ("postgres", "redis"))


def test_internal_doors_are_reached_by_services_console_and_prometheus_alone(networks: Networks) -> None:
    for name in ("keys", "auth", "usage", "sensors"):
        door = networks.addresses[name, "inside"]
        # The console and Prometheus ask for metrics: what an account may ask for more, the door itself decides.
        assert all(networks.reaches(asking, door, 8001) for asking in ("auth", "console", "prometheus"))
        assert networks.reaches("prometheus", networks.addresses["console", "inside"], 8000)
        assert not networks.reaches("redis", networks.addresses[name, "stores"], 8001)
        assert not any(networks.reaches(other, door, 8001) for other in ("front", "redis", "grafana"))


def test_only_who_calls_others_has_a_way_out_and_a_store_has_none(networks: Networks) -> None:
    reached = {name for name in SERVICES if networks.reaches(name, OUTSIDE, 443)}
    assert reached == {"keys", "console", "usage", "sensors", "front", "prometheus", "grafana"}
    assert networks.reaches("usage", networks.addresses["postgres", "stores"], 5432)
    assert not networks.reaches("prometheus", networks.addresses["postgres", "stores"], 5432)
