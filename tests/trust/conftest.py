"""Both worlds, running, for those who attack them. What services ask of internal doors goes through `middle`."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.values.accounts import SERVICES
from tests.e2e.conftest import embedded, pytest_collection_modifyitems, system
from tests.e2e.running import Distributed
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack
from tests.trust.middle import Middle

__all__ = ["distributed", "embedded", "middle", "pytest_collection_modifyitems", "system"]


@pytest.fixture(scope="package")
def middle() -> Iterator[Middle]:
    middle = Middle()
    yield middle
    middle.close()


@pytest.fixture(scope="package")
def distributed(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis, middle: Middle
) -> Iterator[Distributed]:
    def through(port: int) -> int:
        return port if port == rabbitmq.port else middle.to(port)

    ways = dict.fromkeys(sorted(SERVICES), through)
    with closing(Stack(tmp_path_factory.mktemp("stack"), postgres, rabbitmq, redis, through=ways)) as stack:
        yield Distributed(stack)
