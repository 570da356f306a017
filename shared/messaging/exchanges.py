"""Names on the bus, by nameko's convention: one topic exchange a service, the routing key is the event's type."""

import secrets

from kombu import Exchange, Queue

EVERYTHING = "#"


def events_of(service: str) -> Exchange:
    return Exchange(f"{service}.events", type="topic", durable=True, auto_delete=False, delivery_mode="persistent")


def durable_queue(follower: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A follower's own queue: outlives its consumers, one for all instances of the follower."""
    name = f"{follower}.follows.{service}" if type_ == EVERYTHING else f"{follower}.follows.{service}.{type_}"
    return Queue(name, exchange=events_of(service), routing_key=type_, durable=True)


def broadcast_queue(listener: str, service: str, type_: str = EVERYTHING) -> Queue:
    """A queue that one process has for itself and that goes with it: each gate hears everything."""
    name = f"{listener}.hears.{service}-{secrets.token_hex(6)}"
    return Queue(name, exchange=events_of(service), routing_key=type_, exclusive=True, auto_delete=True, durable=False)
