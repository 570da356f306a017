"""Exchanges and queues on RabbitMQ: one topic exchange a service (nameko's convention), routed by event type."""

import secrets
from typing import Any

from kombu import Exchange, Queue
from kombu.exceptions import ChannelError

EVERYTHING = "#"
# Deliveries of one message that end with the death of its consumer, before it becomes a dead letter.
DELIVERIES_MAX = 20
DEAD_LETTERS_MAX = 10_000
UNHEARD_MAX = 10_000  # of a process that takes none
# In a dead letter that is given back: the account that had published it.
ORIGINAL_SENDER = "x-grillo-sent-by"


class SharedExchange(Exchange):
    """An exchange that is declared only where it is missing: who may declare one may delete it, too."""

    def declare(self, nowait: bool = False, passive: bool | None = None, channel: Any = None) -> Any:
        if not self._exists(channel or self.channel):
            super().declare(nowait=nowait, passive=passive, channel=channel)

    def _exists(self, channel: Any) -> bool:
        """On a channel of its own: the broker closes the one on which it says no."""
        probe = channel.connection.client.channel()
        try:
            probe.exchange_declare(exchange=self.name, type=self.type, passive=True)
        except ChannelError:
            return False
        finally:
            probe.close()
        return True


DEAD_LETTERS = SharedExchange("grillo.dead", type="direct", durable=True, auto_delete=False, delivery_mode="persistent")


def topic_exchange(name: str, **options: Any) -> Exchange:
    return SharedExchange(name, type="topic", durable=True, auto_delete=False, **options)


def events_of(service: str) -> Exchange:
    return topic_exchange(f"{service}.events", delivery_mode="persistent")


def durable_queue(follower: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A follower's queue: durable, shared by all instances of the follower.

    Replicated (a quorum queue). A message that is rejected, or was delivered too often in vain, becomes a dead letter.
    """
    name = f"{follower}.follows.{service}" if type_ == EVERYTHING else f"{follower}.follows.{service}.{type_}"
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERIES_MAX,
        "x-dead-letter-exchange": DEAD_LETTERS.name,
        "x-dead-letter-routing-key": name,
    }
    return Queue(name, exchange=events_of(service), routing_key=type_, durable=True, queue_arguments=arguments)


def dead_letter_queue(queue: Queue) -> Queue:
    """The queue in which a durable queue's dead letters wait for a person.

    Not a quorum queue: that counts each look at a message as a delivery, and newer brokers drop it after twenty.
    """
    arguments = {"x-max-length": DEAD_LETTERS_MAX}
    return Queue(
        f"{queue.name}.dead",
        exchange=DEAD_LETTERS,
        routing_key=queue.name,
        durable=True,
        queue_arguments=arguments,
    )


def replay_exchange(queue: Queue) -> Exchange:
    """Where a follower gives its dead letters back; it alone may publish there."""
    follower = queue.name.partition(".")[0]
    return SharedExchange(f"{follower}.replayed", type="direct", durable=True, auto_delete=False)


def broadcast_queue(listener: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A queue of one process, deleted when the process goes: each gate gets every event.

    Of a process that stands still it keeps the newest: what it lost of a log a gate pulls, and what was counted is told
    again when a batch comes again.
    """
    return Queue(
        f"{listener}.hears.{service}-{secrets.token_hex(6)}",
        exchange=events_of(service),
        routing_key=type_,
        exclusive=True,
        auto_delete=True,
        durable=False,
        queue_arguments={"x-max-length": UNHEARD_MAX},
    )
