"""docker-compose.yml's networks on this machine: each a bridge, each container a namespace with an interface on each.

Bridges are in the namespace of who makes them (own_network.py), which has the first address of each, as Docker's host
has. All is gone with the processes that hold it. Needs root.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Any

OUTSIDE = "198.51.100.1"
_HOLDER = "import sys; print(flush=True); sys.stdin.read()"


class Bridges:
    """`addresses`: (container, network) → its address there. `gateways`: network → that of who makes them."""

    def __init__(self, compose: Mapping[str, Any], containers: Iterable[str]) -> None:
        """`containers`: those of the file's services that get a namespace."""
        self._services: Mapping[str, Any] = compose["services"]
        self._ended = ExitStack()
        with ExitStack() as unless_made:
            unless_made.callback(self.close)
            self._holders = {name: self._namespace() for name in containers}
            self._lines = {name: ["link set lo up"] for name in self._holders}
            self.addresses: dict[tuple[str, str], str] = {}
            self.gateways: dict[str, str] = {}
            self._ip([f"addr add {OUTSIDE}/32 dev lo"])
            for at, (name, network) in enumerate(compose["networks"].items()):
                self._connect(at, name, network or {})
            for name, lines in self._lines.items():
                self._ip(lines, self.entering(name))
            unless_made.pop_all()

    def entering(self, container: str) -> list[str]:
        """What goes before a command that runs there."""
        return ["nsenter", f"--net=/proc/{self._holders[container].pid}/ns/net"]

    def close(self) -> None:
        self._ended.close()

    def _connect(self, at: int, network: str, entry: Mapping[str, Any]) -> None:
        subnet = ip_network(entry["ipam"]["config"][0]["subnet"] if "ipam" in entry else f"10.7.{at}.0/24")
        gateway = self.gateways[network] = str(subnet[1])
        bridge = [f"link add b{at} type bridge", f"addr add {gateway}/{subnet.prefixlen} dev b{at}"]
        bridge.append(f"link set b{at} up")
        for number, (name, holder) in enumerate(self._holders.items()):
            stated = _at(self._services[name]["networks"], network)
            if stated is None:
                continue
            address = self.addresses[name, network] = stated.get("ipv4_address") or str(subnet[200 + number])
            bridge.append(f"link add p{at}x{number} type veth peer name e{at} netns {holder.pid}")
            bridge += [f"link set p{at}x{number} master b{at}", f"link set p{at}x{number} up"]
            self._lines[name] += [f"addr add {address}/{subnet.prefixlen} dev e{at}", f"link set e{at} up"]
            if not entry.get("internal"):
                # Not by default: Docker drops what goes from one of its networks to another, and a test would wait.
                self._lines[name].append(f"route replace {OUTSIDE} via {gateway}")
        self._ip(bridge)

    def lead_to_loopback(self, network: str, *ports: int) -> None:
        """From that network, to these ports of who made it, as a caller on its own loopback."""
        gateway, allowed = self.gateways[network], ", ".join(map(str, ports))
        Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1")
        chosen = f"ip daddr {gateway} tcp dport {{ {allowed} }}"
        rules = f"""
            table ip grillo_{network} {{
                chain led {{ type nat hook prerouting priority -100; {chosen} dnat to 127.0.0.1; }}
                chain named {{ type nat hook input priority 100; ct original ip daddr {gateway} snat to 127.0.0.1; }}
            }}"""
        subprocess.run(["/usr/sbin/nft", "-f", "-"], input=rules, text=True, check=True)

    def _namespace(self) -> "subprocess.Popen[bytes]":
        command = ["unshare", "--net", sys.executable, "-c", _HOLDER]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ended.enter_context(holder)
        self._ended.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n"
        return holder

    @staticmethod
    def _ip(lines: list[str], entering: Iterable[str] = ()) -> None:
        done = subprocess.run([*entering, "ip", "-batch", "-"], input="\n".join(lines), capture_output=True, text=True)
        assert done.returncode == 0, (lines, done.stderr)


def _at(networks: Any, name: str) -> Mapping[str, str] | None:
    """What an entry says of that network: they are listed, or told more of."""
    if name not in networks:
        return None
    return (networks[name] or {}) if isinstance(networks, dict) else {}
