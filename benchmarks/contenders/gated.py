"""The gate as it is: a web process of sensors, with what it follows and tells running beside it on real servers."""

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import select

from benchmarks.contenders.server import Server
from services.auth import tables as auth_tables
from services.keys import assembly as keys
from services.keys import tables as keys_tables
from services.usage import tables as usage_tables
from shared.eventsourcing.origin import Origin
from shared.gate import gate
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import NoBus
from tests.servers import Postgres, RabbitMq, Redis, free_port

_FOLLOWING_SECONDS_MAX = 120
ORIGIN = Origin(actor="benchmark")
_ROOT = Path(__file__).parents[2]
_SERVICES = ("keys", "auth", "usage", "sensors")
# Of docker-compose.yml, what a gate needs: the log and its feed, the grants, and who counts.
_NEEDED = (("keys", "internal"), ("auth", "internal"), ("keys", "worker"), ("auth", "worker"), ("usage", "worker"))

_PLACES = {
    "keys": keys_tables.relay_cursor.c.position,
    "auth": auth_tables.checkpoint.c.position,
    "usage": usage_tables.checkpoint.c.position,
}


class Surroundings:
    """Services run natively, each process as `grillo run` starts it."""

    def __init__(self, folder: Path, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis) -> None:
        self.folder, self.postgres, self.rabbitmq = folder, postgres, rabbitmq
        self.databases = {service: postgres.new_database() for service in _SERVICES}
        self._ports = {service: free_port() for service in _SERVICES}
        self._environment = os.environ | {
            "AMQP_URI": rabbitmq.new_vhost(),
            "REDIS_URL": redis.url,
            "INTERNAL_TOKEN": secrets.token_hex(24),
            "CHANNEL_SECRETS_KEY": secrets.token_hex(24),
            "TRUSTED_PROXIES": "127.0.0.1",
            "WEB_ADDRESS": "127.0.0.1",
            "INTERNAL_ADDRESS": "127.0.0.1",
        }
        for service, port in self._ports.items():
            self._environment[f"{service.upper()}_INTERNAL_URL"] = f"http://127.0.0.1:{port}"

    def start(self) -> Iterator[Server]:
        """Each as soon as it runs."""
        for service, kind in _NEEDED:
            environment = self.environment(service)
            if kind == "worker":
                command = [sys.executable, "-m", "services.distributed.worker", service]
                yield Server(f"{service} worker", command, None, self.folder, environment=environment)
            else:
                command = [sys.executable, "-m", "services.distributed.web", service, "internal"]
                port = self._ports[service]
                yield Server(f"{service} internal", command, port, self.folder, environment=environment)

    def environment(self, service: str) -> dict[str, str]:
        return self._environment | {
            "DATABASE_URL": self.databases[service],
            "INTERNAL_PORT": str(self._ports[service]),
            "SPOOL_DIR": str(self.folder / f"{service}-spool"),
            "SAMPLES_DIR": str(self.folder / "samples"),
        }

    def gate(
        self, name: str, *, on_redis: bool = False, auth_internal_url: str | None = None, is_compiled: bool = True
    ) -> Server:
        """A web process of sensors that answers a constant, with what grants there are by now. Without Redis it takes
        its share of the limits, in memory. Not compiled: what lies in the source tree."""
        port = free_port()
        environment = self.environment("sensors") | {"WEB_PORT": str(port)}
        for setting, kind in (("SPOOL_DIR", "spool"), ("PROMETHEUS_MULTIPROC_DIR", "metrics")):
            place = self.folder / f"{name}-{kind}"
            place.mkdir()
            environment[setting] = str(place)
        if not on_redis:
            del environment["REDIS_URL"]
        if not is_compiled:
            environment["PYTHONPATH"] = str(_ROOT)
        if auth_internal_url is not None:
            environment["AUTH_INTERNAL_URL"] = auth_internal_url
        command = [sys.executable, "-m", "benchmarks.contenders.constant_web"]
        return Server(name, command, port, self.folder, environment=environment, is_measured=True)

    def wide_auth(self) -> Server:
        """Auth's internal door once more, which tells gates of a tier that no load here reaches (see wide_auth)."""
        port = free_port()
        environment = self.environment("auth") | {"INTERNAL_PORT": str(port)}
        command = [sys.executable, "-m", "benchmarks.contenders.wide_auth"]
        return Server("wide auth", command, port, self.folder, environment=environment)


class Log:
    """That of keys, written past the doors."""

    def __init__(self, around: Surroundings) -> None:
        service = keys.assemble(Database(around.databases["keys"]), NoBus(), SystemClock(), lease_seconds=10)
        self.store, self.commands = service.store, service.commands
        self._databases = {name: Database(around.databases[name]) for name in _PLACES}

    def await_following(self, *services: str) -> None:
        """Until auth or usage has followed all of it, or keys has published all."""
        with self.store.reading() as tx:
            head = self.store.head(tx).position
        deadline = time.monotonic() + _FOLLOWING_SECONDS_MAX
        while min(map(self._place, services)) < head:
            assert time.monotonic() < deadline, "the log is not followed"
            time.sleep(0.1)

    def _place(self, service: str) -> int:
        with self._databases[service].reading() as tx:
            return tx.execute(select(_PLACES[service])).scalars().one_or_none() or 0


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    print(f"the gate: {gate.__file__}")
    with ExitStack() as closing:
        postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
        for server in (postgres, rabbitmq, redis):
            closing.callback(server.close)
        around = Surroundings(folder, postgres, rabbitmq, redis)
        for process in around.start():
            closing.enter_context(process)
        log = Log(around)
        log.commands.organisations.register("Benchmark", "standard", ORIGIN)
        # Gates take snapshots of a log with a beginning.
        log.await_following("auth")
        yield around
