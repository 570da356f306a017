"""Each service is replaced under load by one that is started beside it: no request is lost, and none refused for it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed
from tests.faults.callers import Callers
from tests.faults.rolling import RollingStack
from tests.servers import Postgres, RabbitMq, Redis

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(600)]

# That of keys also goes back to where the first one was: the front tries a place that has refused it.
REPLACED = ("usage", "sensors", "auth", "console", "keys", "keys")


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis
) -> Iterator[Distributed]:
    with closing(RollingStack(tmp_path_factory.mktemp("stack"), postgres, rabbitmq, redis)) as stack:
        yield Distributed(stack)


def test_each_service_is_replaced_under_load_and_no_request_is_lost_or_refused(running: Distributed, log: Log) -> None:
    stack = running.stack
    assert isinstance(stack, RollingStack)
    with closing(Callers(running)) as callers:
        for name in REPLACED:
            stack.hand_over(name)
            callers.go_on()
    assert len(callers.receipts) > 2 * len(REPLACED), "the load was real"
    callers.lost_nothing(stack, log)
