from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RabbitMq]:
    """One of the test's own: it will be killed."""
    server = RabbitMq(tmp_path)
    yield server
    server.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """One of the test's own, too."""
    server = Redis(tmp_path)
    yield server
    server.close()


@pytest.fixture
def running(tmp_path: Path, postgres: Postgres, broker: RabbitMq, redis: Redis) -> Iterator[Distributed]:
    """A system of the test's own, for it to break."""
    stack = Stack(tmp_path, postgres, broker, redis)
    yield Distributed(stack)
    stack.close()


@pytest.fixture
def log(running: Distributed) -> Iterator[Log]:
    log = Log(running.stack.databases())
    yield log
    log.close()
