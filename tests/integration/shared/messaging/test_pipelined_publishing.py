"""A page of events goes to RabbitMQ at once: all of it, in order; and what it did not confirm is known."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import kombu
import pytest

from shared.contracts.envelope import CloudEvent
from shared.messaging.exchanges import durable_queue
from shared.messaging.pipelined_publishing import PipelinedLogBus
from tests import examples
from tests.faults.lines import Lines
from tests.servers import RabbitMq

pytestmark = pytest.mark.xdist_group("distributed")


class Scene:
    """A bus that reaches the broker by lines, and a follower's queue."""

    def __init__(self, rabbitmq: RabbitMq) -> None:
        self.lines = Lines()
        amqp_uri = rabbitmq.new_vhost()
        port = urlsplit(amqp_uri).port
        assert port
        self.bus = PipelinedLogBus(amqp_uri.replace(f":{port}/", f":{self.lines.to(port)}/"), "keys")
        self._connection = kombu.Connection(amqp_uri)
        self.declare(durable_queue("auth", "keys"))

    def declare(self, queue: kombu.Queue) -> None:
        queue(self._connection.default_channel).declare()

    def arrived(self, queue: kombu.Queue | None = None) -> list[int]:
        """The positions of all messages in the queue, which then is empty."""
        bound = (queue or durable_queue("auth", "keys"))(self._connection.default_channel)
        messages = iter(lambda: bound.get(no_ack=True), None)
        return [message.decode()["position"] for message in messages]

    def close(self) -> None:
        self._connection.release()
        self.lines.close()


@pytest.fixture
def scene(rabbitmq: RabbitMq) -> Iterator[Scene]:
    scene = Scene(rabbitmq)
    yield scene
    scene.close()


def page(first: int, last: int) -> list[CloudEvent]:
    return [
        CloudEvent(
            id=f"e-{number}",
            source="/grillo/keys",
            type="KeyNoted",
            time=examples.NOON,
            subject="s",
            position=number,
            epoch="e",
            hash="h",
            previous=None,
            data=None,
        )
        for number in range(first, last + 1)
    ]


def test_pages_arrive_whole_and_in_order(scene: Scene) -> None:
    assert [scene.bus.publish(page(1, 1)), scene.bus.publish(page(2, 201)), scene.bus.publish([])] == [1, 200, 0]
    assert scene.arrived() == list(range(1, 202))


def test_a_connection_that_ended_meanwhile_costs_nothing(scene: Scene) -> None:
    assert scene.bus.publish(page(1, 2)) == 2
    scene.lines.cut("refused")
    scene.lines.mend()
    assert scene.bus.publish(page(3, 4)) == 2
    assert scene.arrived() == [1, 2, 3, 4]


def test_while_the_broker_is_away_nothing_counts_as_published(scene: Scene) -> None:
    assert scene.bus.publish(page(1, 2)) == 2
    scene.lines.cut("refused")
    assert [scene.bus.publish(page(3, 4)), scene.bus.publish(page(3, 4))] == [0, 0]
    scene.lines.mend()
    assert scene.bus.publish(page(3, 5)) == 3
    assert scene.arrived() == [1, 2, 3, 4, 5]


def test_what_a_full_queue_refuses_is_not_published_nor_what_comes_behind_it(scene: Scene) -> None:
    full = kombu.Queue(
        "full",
        exchange=durable_queue("auth", "keys").exchange,
        routing_key="#",
        durable=True,
        queue_arguments={"x-max-length": 3, "x-overflow": "reject-publish"},
    )
    scene.declare(full)
    assert scene.bus.publish(page(1, 5)) == 3
    assert scene.bus.publish(page(4, 5)) == 0
    assert scene.arrived(full) == [1, 2, 3]
    assert scene.bus.publish(page(4, 5)) == 2
