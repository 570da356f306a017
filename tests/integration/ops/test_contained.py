"""What docker-compose.yml forbids fails, natively: a namespace of mounts for a container, one of networks for all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contained import CONTAINERS, contained, why_not
from tests.shims.bridges import OUTSIDE, Bridges
from tests.shims.own_network import own_network

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


class Networks:
    """docker-compose.yml's containers on its networks, each listening as its service does."""

    def __init__(self) -> None:
        self._ended = ExitStack()
        self._ended.enter_context(own_network())
        bridges = self._ended.enter_context(closing(Bridges(COMPOSE, SERVICES)))
        self.addresses = bridges.addresses
        self._containers = {name: self._container(bridges.entering(name)) for name in SERVICES}
        self._containers["outside"] = self._container([])
        for name in self._containers:
            self._say(name, self._listens(name))

    def _container(self, entering: list[str]) -> "subprocess.Popen[str]":
        command = [*entering, sys.executable, "-c", CONTAINER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ended.enter_context(process)
        self._ended.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "is there\n"
        return process

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

    def close(self) -> None:
        self._ended.close()


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
