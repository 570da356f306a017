"""The stack on docker-compose.yml's networks: each container a namespace of its own (shims/bridges.py), as root alone.

The servers stay on the loopback of who starts it, on an own network (shims/own_network.py), and answer on `stores`.
What differs: `out` leads nowhere, so no webhook, mail or question to an issuer leaves; and servers are no containers.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import contained
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.bridges import Bridges
from tests.stack import ROOT, Stack

_TOOLS = ("ip", "nft", "nsenter")


def why_not() -> str | None:
    """None: it can be held here."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return contained.why_not() or (f"{', '.join(missing)} is missing" if missing else None)


class NetworkedStack(Stack):
    """Must be made on an own network, whose processes alone reach it."""

    _everywhere = "0.0.0.0"  # noqa: S104  of its own networks

    def __init__(
        self, folder: Path, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis, *, public_url: str | None = None
    ) -> None:
        compose: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        ours = [name for name, entry in compose["services"].items() if "build" in entry]
        self.bridges = Bridges(compose, (*ours, "front"))
        self._servers = {"postgres": postgres.port, "rabbitmq": rabbitmq.port, "redis": redis.port}
        self.bridges.lead_to_loopback("stores", *self._servers.values())
        super().__init__(folder, postgres, rabbitmq, redis, public_url=public_url)

    def places(self) -> dict[str, list[tuple[str, int]]]:
        """Web processes, internal doors and servers → every address of theirs, and the port."""
        found = dict[str, list[tuple[str, int]]]()
        for name, (public, internal) in self._ports.items():
            addresses = [address for (container, _), address in self.bridges.addresses.items() if container == name]
            found[name] = [(address, public) for address in addresses]
            if name in self._services:
                found[f"{name}'s internal door"] = [(address, internal) for address in addresses]
        for name, port in self._servers.items():
            found[name] = [(gateway, port) for gateway in self.bridges.gateways.values()]
        return found

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.bridges.close()

    def _address(self, container: str, network: str) -> str:
        return self.bridges.addresses[container, network]

    def _store(self, address: str) -> str:
        return address.replace("@127.0.0.1:", f"@{self.bridges.gateways['stores']}:")

    def _on_networks(self, container: str, command: list[str]) -> list[str]:
        return [*self.bridges.entering(container), *command]

    def _routes(self) -> str:
        """The front listens on all its networks, and asks services at theirs."""
        routes = super()._routes().replace("listen 8000;", f"listen {self._front_port};")
        routes = routes.replace("listen 8443 ssl;", f"listen {self._tls_port} ssl;")
        for name, (public, _) in self._ports.items():
            routes = routes.replace(f"server {name}:8000 resolve", f"server {self._address(name, 'doors')}:{public}")
        return routes
