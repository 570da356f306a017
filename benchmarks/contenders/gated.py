"""The gate as it is: a web process of sensors, among the services of docker-compose.yml on real servers."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.contenders.server import Server
from tests.servers import Postgres, RabbitMq, Redis, free_port
from tests.stack import Stack


class Surroundings:
    """All that a gate follows and tells: keys, auth, usage, RabbitMQ, PostgreSQL, Redis."""

    def __init__(self, folder: Path, stack: Stack, postgres: Postgres, rabbitmq: RabbitMq) -> None:
        self.folder, self.stack, self.postgres, self.rabbitmq = folder, stack, postgres, rabbitmq

    def gate(self, name: str, *, on_redis: bool = False, auth_internal_url: str | None = None) -> Server:
        """Another web process of sensors, with what grants there are by now. Without Redis it takes its share of the
        limits, in memory."""
        port = free_port()
        environment = self.stack.environment("sensors") | {"WEB_PORT": str(port)}
        for setting, kind in (("SPOOL_DIR", "spool"), ("PROMETHEUS_MULTIPROC_DIR", "metrics")):
            place = self.folder / f"{name}-{kind}"
            place.mkdir()
            environment[setting] = str(place)
        if not on_redis:
            del environment["REDIS_URL"]
        if auth_internal_url is not None:
            environment["AUTH_INTERNAL_URL"] = auth_internal_url
        command = [sys.executable, "-m", "services.distributed.web", "sensors", "public"]
        return Server(name, command, port, self.folder, environment=environment)

    def wide_auth(self) -> Server:
        """Auth's internal door once more, which tells gates of a tier that no load here reaches (see wide_auth)."""
        port = free_port()
        environment = self.stack.environment("auth") | {"INTERNAL_PORT": str(port)}
        command = [sys.executable, "-m", "benchmarks.contenders.wide_auth"]
        return Server("wide auth", command, port, self.folder, environment=environment, measured=False)


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    with ExitStack() as closing:
        postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
        for server in (postgres, rabbitmq, redis):
            closing.callback(server.close)
        stack = Stack(folder, postgres, rabbitmq, redis)
        closing.callback(stack.close)
        yield Surroundings(folder, stack, postgres, rabbitmq)
