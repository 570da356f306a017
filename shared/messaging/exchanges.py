"""Exchanges and queues on RabbitMQ: one topic exchange a service (nameko's convention), routed by event type."""

import secrets

from kombu import Exchange, Queue

EVERYTHING = "#"
# Deliveries that ended with their consumer's death. Reading a message must not be able to kill its reader for ever.
DELIVERIES_MAX = 20
DEAD_LETTERS_MAX = 10_000
DEAD_LETTERS = Exchange("grillo.dead", type="direct", durable=True, auto_delete=False, delivery_mode="persistent")


def events_of(service: str) -> Exchange:
    return Exchange(f"{service}.events", type="topic", durable=True, auto_delete=False, delivery_mode="persistent")


def durable_queue(follower: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A follower's own queue: outlives its consumers, one for all instances of the follower.

    Replicated (a quorum queue); what is refused, or was delivered too often in vain, goes to its dead letters.
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
    """Where a durable queue's dead letters wait for a person.

    Not a quorum queue: those count every look at a message as a delivery, and newer brokers drop it after twenty.
    """
    arguments = {"x-max-length": DEAD_LETTERS_MAX}
    return Queue(
        f"{queue.name}.dead",
        exchange=DEAD_LETTERS,
        routing_key=queue.name,
        durable=True,
        queue_arguments=arguments,
    )


def broadcast_queue(listener: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A queue that one process has for itself and that goes with it: each gate hears everything."""
    name = f"{listener}.hears.{service}-{secrets.token_hex(6)}"
    return Queue(name, exchange=events_of(service), routing_key=type_, exclusive=True, auto_delete=True, durable=False)
