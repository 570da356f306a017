"""What the services have on RabbitMQ is what every release takes: from 4.3 on no queue may be transient and shared."""

import pytest

from tests.e2e.running import Distributed, eventually
from tests.servers import RabbitMq

pytestmark = pytest.mark.xdist_group("distributed")


def test_each_queue_outlives_the_broker_or_belongs_to_one_connection(
    distributed: Distributed, rabbitmq: RabbitMq
) -> None:
    uri = distributed.stack.amqp_uri("keys")
    queues = eventually(
        lambda: rabbitmq.queues(uri, "durable", "exclusive", "arguments"),
        # Quorum queues do not say whether they are exclusive, and none does while it is being deleted.
        lambda listed: (
            {True} == {queue["durable"] or queue["exclusive"] is True for queue in listed}
            and {True, False} == {queue["durable"] for queue in listed}
        ),
        seconds=30,
    )
    # Mirrors, lazy queues, their first format: gone in releases 4.0 to 4.3.
    gone = {"x-ha-policy", "x-queue-mode", "x-queue-version"}
    assert [queue for queue in queues if gone & {name for name, *_ in queue["arguments"]}] == []
