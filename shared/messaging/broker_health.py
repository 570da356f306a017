"""Measurement of the broker at a scrape: whether it answers this service, and how many dead letters wait there."""

from collections.abc import Iterable, Sequence
from typing import Any

import kombu
from amqp.exceptions import NotFound
from prometheus_client import Metric

from shared.messaging.accounts.publisher import PUBLISHING_FAULTS
from shared.messaging.exchanges import dead_letter_queue
from shared.observability.at_scrape import Measure, gauge

_SECONDS_MAX = 2.0


def of_broker(service: str, amqp_uri: str, queues: Sequence[kombu.Queue]) -> Measure:
    """`queues`: durable ones, whose dead letters are counted."""
    watched = _Watched(amqp_uri, [dead_letter_queue(queue).name for queue in queues])

    def broker() -> Iterable[Metric]:
        letters = watched.messages()
        up = {service: float(letters is not None)}
        yield gauge(
            "grillo_broker_up",
            "1: the broker answers this service; 0: it does not. Not: whether it delivers.",
            "service",
            up,
        )
        yield gauge(
            "grillo_dead_letters",
            "Messages that no consumer could take, and that wait for a person. Not: while the broker is away.",
            "queue",
            letters or {},
        )

    return broker


class _Watched:
    """Queues on a connection that is kept. Used by one thread at a time."""

    def __init__(self, amqp_uri: str, names: Sequence[str]) -> None:
        self._amqp_uri, self._names = amqp_uri, names
        self._connection: kombu.Connection | None = None

    def messages(self) -> dict[str, float] | None:
        """By queue; None: the broker is away. Of one that nobody has declared yet there are none."""
        try:
            if self._connection is None or not self._connection.connected:
                self._connection = self._connected()
            connection = self._connection
            return {name: float(_count(connection, name)) for name in self._names}
        except PUBLISHING_FAULTS:
            if self._connection is not None:
                self._connection.collect()  # without closing frames, which nobody may answer
            self._connection = None
            return None

    def _connected(self) -> kombu.Connection:
        limits = {"read_timeout": _SECONDS_MAX, "write_timeout": _SECONDS_MAX}
        connection = kombu.Connection(self._amqp_uri, connect_timeout=_SECONDS_MAX, transport_options=limits)
        # By itself it would wait for two seconds before a second attempt, which is longer than a scrape does.
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        return connection


def _count(connection: kombu.Connection, name: str) -> int:
    """On a channel of its own: the broker closes the one on which it says no."""
    channel: Any = connection.channel()
    try:
        return int(channel.queue_declare(name, passive=True).message_count)
    except NotFound:
        return 0
    finally:
        channel.close()
