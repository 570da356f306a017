"""A stack of which each service can be started a second time beside the first, as while it is replaced."""

import random
import signal
import socket
from pathlib import Path

import httpx

from tests import front, local_http
from tests.e2e.running import eventually
from tests.faults.lines import Lines
from tests.servers import Postgres, RabbitMq, Redis, free_port
from tests.stack import Stack

_SERVICES = ("keys", "console", "auth", "usage", "sensors")


class RollingStack(Stack):
    """The front knows two places of each public door. A service is told one address of another's internal door, which
    leads to any of two: compose's names, each of which has two addresses then."""

    def __init__(self, folder: Path, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis) -> None:
        self._beside: dict[int, int] = {}
        self._names = _Names(self._beside)
        super().__init__(folder, postgres, rabbitmq, redis, through=dict.fromkeys(_SERVICES, self._by_name))

    def hand_over(self, name: str) -> None:
        """Starts it a second time, and ends the first as soon as the second is ready."""
        first = self.processes[name]
        public, internal = self._ports[name]
        self._ports[name] = (self._other(public), self._other(internal))
        self.processes[name] = self._start(name)
        try:
            eventually(lambda: self._is_up(name), bool, seconds=120)
        finally:
            first.send_signal(signal.SIGTERM)
            assert first.wait(60) == 0, f"the first {name}"

    def environment(self, service: str) -> dict[str, str]:
        stated = self._entry(service)["environment"]["DRAIN_SECONDS"]
        return super().environment(service) | {"DRAIN_SECONDS": stated}

    def close(self) -> None:
        super().close()
        self._names.close()

    def _is_up(self, name: str) -> bool:
        assert self.processes[name].poll() is None, f"{name} ended\n{self.errors()[-4000:]}"
        try:
            return local_http.get(f"{self.public_url(name)}/readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _routes(self) -> str:
        routes = front.ROUTES
        for name, (public, _) in self._ports.items():
            known = f"server {name}:8000 resolve max_fails=0;"
            assert known in routes
            routes = routes.replace(known, f"{known} server 127.0.0.1:{self._other(public)} max_fails=0;")
        return routes

    def _by_name(self, port: int) -> int:
        """The port by which it and the one beside it are reached; RabbitMQ's has none beside it."""
        if all(port != internal for _, internal in self._ports.values()):
            return port
        return self._names.to(min(port, self._other(port)))

    def _other(self, port: int) -> int:
        if port not in self._beside:
            beside = free_port()
            self._beside |= {port: beside, beside: port}
        return self._beside[port]


class _Names(Lines):
    def __init__(self, beside: dict[int, int]) -> None:
        super().__init__()
        self._beside = beside

    def _reach(self, port: int) -> socket.socket:
        first, second = random.sample((port, self._beside[port]), 2)
        try:
            return super()._reach(first)
        except ConnectionRefusedError:
            return super()._reach(second)
