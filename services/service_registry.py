"""The table of services: what each consists of, by name. Modules are imported when they are asked for.

Compositions and commands look here, so a new service is one row more.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.gate.grants.replica import Replica
    from shared.observability.at_scrape import Measure
    from shared.sql.database import Database
    from shared.web.requests.client_address import TrustedProxies
    from shared.web.route import InternalRoute, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`classes`: of its nameko containers. `follows_keys`, `has_log`, `is_rebuilt`: what operators may do with it.

    `web_threads`: of each public web process. `nice`: of its worker, by steps of the operating system's scheduler.
    """

    name: str
    classes: tuple[str, ...]
    web_threads: int
    nice: int = 0
    follows_keys: bool = False
    has_log: bool = False
    is_rebuilt: bool = False

    @property
    def assembly(self) -> ModuleType:
        return self.module("assembly")

    @property
    def migrations(self) -> Path:
        return Path(__file__).parent / self.name / "migrations"

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"services.{self.name}.{name}")

    def service_classes(self) -> tuple[type, ...]:
        door = self.module("service")
        return tuple(getattr(door, name) for name in self.classes)


class Part(Protocol):
    """One service, assembled. `start` and `stop`: of the threads it has beside its doors, in any process."""

    @property
    def database(self) -> "Database": ...

    def is_ready(self) -> bool: ...

    def provided(self) -> dict[str, object]: ...

    def routes(self, replica: "Replica", proxies: "TrustedProxies") -> "list[Route]": ...

    def internal_routes(self) -> "list[InternalRoute]": ...

    def measures(self) -> "list[Measure]": ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


# Threads: handlers that wait for a database hold one each, and a revocation holds one until its receipt; where nothing
# waits long, more would only queue for the interpreter. Nice: requests and revocations go before the workers of
# usage and sensors; not before keys, which is the second way to the log, nor auth, which answers `verify`.
_ROWS = (
    Service(name="keys", classes=("KeysService", "KeysFeedService"), web_threads=32, has_log=True, is_rebuilt=True),
    Service(name="auth", classes=("AuthService",), web_threads=2, follows_keys=True, is_rebuilt=True),
    Service(name="usage", classes=("UsageService",), web_threads=4, nice=5, follows_keys=True, is_rebuilt=True),
    Service(name="sensors", classes=("SensorsService",), web_threads=4, nice=5, has_log=True),
)
SERVICES = {service.name: service for service in _ROWS}


def documented_routes() -> "list[Route]":
    """Every service's public resources, to describe and not to serve: whichever is asked has the whole document."""
    return [route for service in SERVICES.values() for route in service.assembly.documented_routes()]
