from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.usage.assembly import MIGRATIONS
from tests.against_the_log import Log
from tests.e2e.running import Distributed
from tests.faults.usage_alone import Gate, Worker
from tests.servers import Postgres, RabbitMq, Redis
from tests.service_database import migrate_as_owner
from tests.stack import Stack


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """One of the module's own: it will be killed."""
    with closing(RabbitMq(tmp_path_factory.mktemp("broker"))) as server:
        yield server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One of the module's own, too."""
    with closing(Redis(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, broker: RabbitMq, redis: Redis
) -> Iterator[Distributed]:
    """A system of the module's own, for it to break. Each of its tests leaves it whole."""
    with closing(Stack(tmp_path_factory.mktemp("stack"), postgres, broker, redis)) as stack:
        yield Distributed(stack)


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """Usage's, as the role that it runs as."""
    made = postgres.new_service_database()
    migrate_as_owner(made, MIGRATIONS)
    return made.url


@pytest.fixture
def rabbitmq_uri(rabbitmq: RabbitMq) -> str:
    return rabbitmq.new_vhost()


@pytest.fixture
def worker(database_url: str, rabbitmq_uri: str, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(database_url, rabbitmq_uri, tmp_path / "worker.log")
    yield worker
    worker.close()


@pytest.fixture
def gate(rabbitmq_uri: str, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(rabbitmq_uri, tmp_path / "spool")
    yield gate
    gate.close()


@pytest.fixture
def log(running: Distributed) -> Iterator[Log]:
    log = Log(running.stack.databases())
    yield log
    log.close()
