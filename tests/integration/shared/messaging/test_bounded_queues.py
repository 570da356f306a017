"""Queues do not grow without end while their process takes nothing."""

import kombu
import pytest

from shared.messaging import exchanges
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher
from tests.servers import RabbitMq

pytestmark = pytest.mark.xdist_group("distributed")
MOST = 10


def test_the_queue_of_a_gate_that_takes_nothing_keeps_the_newest(
    rabbitmq: RabbitMq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "UNHEARD_MAX", MOST)
    amqp_uri = rabbitmq.new_vhost()
    with kombu.Connection(amqp_uri) as connection:
        queue = broadcast_queue("gate", "keys")(connection.channel())
        queue.declare()
        publisher = EventPublisher(amqp_uri, "keys")
        for number in range(MOST + 2):
            publisher.publish("KeyCreated", {"number": number})
        kept = [message.payload["number"] for message in iter(lambda: queue.get(no_ack=True), None)]
    assert kept == list(range(2, MOST + 2))
