"""Dead letter queues: lists the messages that no consumer could take, and gives them back to their queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import kombu

from shared.messaging.accounts.admission import sender_of
from shared.messaging.accounts.identity import signed_by
from shared.messaging.accounts.publisher import CONFIRM_SECONDS_MAX, PUBLISHING_FAULTS
from shared.messaging.exchanges import ORIGINAL_SENDER, dead_letter_queue, replay_exchange
from shared.observability.redaction import redact
from shared.replication.relay import BusUnavailable

LISTED_MAX = 100
_BEGINNING_CHARACTERS = 200
_CONNECT_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message and why it is here. `reason`: rejected (its handler raised) or delivery_limit (delivered too often).

    `beginning`: the start of its body, with API keys cut out.
    """

    queue: str
    type: str
    reason: str
    beginning: str


class DeadLetters:
    """The dead letters of one durable queue. Every method raises BusUnavailable."""

    def __init__(self, amqp_uri: str, queue: kombu.Queue) -> None:
        self._amqp_uri, self._queue = amqp_uri, queue

    @property
    def name(self) -> str:
        return f"{self._queue.name}"

    def list(self) -> tuple[DeadLetter, ...]:
        """The oldest LISTED_MAX. They stay in the queue: they are not acknowledged, so the broker puts them back."""
        with self._channel() as channel:
            return tuple(map(self._described, islice(self._take(channel), LISTED_MAX)))

    def replay(self) -> int:
        """Puts the present ones back into their queue; returns how many. Each is removed here once confirmed there."""
        replayed = 0
        with self._channel() as channel:
            exchange = replay_exchange(self._queue)(channel)
            exchange.declare()
            self._queue(channel).bind_to(exchange, routing_key=self._queue.name)
            producer = kombu.Producer(channel, exchange=exchange)
            waiting = _count(channel, dead_letter_queue(self._queue).name)
            for message in islice(self._take(channel), waiting):
                producer.publish(
                    message.body,
                    routing_key=self._queue.name,
                    headers=self._sent_by(message),
                    content_type=message.content_type,
                    content_encoding=message.content_encoding,
                    delivery_mode="persistent",
                    mandatory=True,
                    timeout=CONFIRM_SECONDS_MAX,
                    confirm_timeout=CONFIRM_SECONDS_MAX,
                    **signed_by(self._amqp_uri),
                )
                message.ack()
                replayed += 1
        return replayed

    def _sent_by(self, message: Any) -> dict[str, str]:
        death = (message.headers.get("x-death") or [{}])[0]
        sender = sender_of(message, self._queue, death.get("exchange"))
        return {ORIGINAL_SENDER: sender} if sender else {}

    def _take(self, channel: Any) -> Iterator[Any]:
        queue = dead_letter_queue(self._queue)(channel)
        while (message := queue.get(no_ack=False)) is not None:
            yield message

    def _described(self, message: Any) -> DeadLetter:
        death = (message.headers.get("x-death") or [{}])[0]
        body = message.body if isinstance(message.body, str) else bytes(message.body).decode(errors="replace")
        return DeadLetter(
            queue=self._queue.name,
            type=(death.get("routing-keys") or ["?"])[0],
            reason=death.get("reason", "?"),
            beginning=redact(body)[:_BEGINNING_CHARACTERS],
        )

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        options = {"confirm_publish": True}
        with kombu.Connection(
            self._amqp_uri, connect_timeout=_CONNECT_SECONDS_MAX, transport_options=options
        ) as connection:
            try:
                channel = connection.channel()
                dead_letter_queue(self._queue)(channel).declare()
                yield channel
            except PUBLISHING_FAULTS as error:
                connection.collect()  # without closing frames, which nobody may answer
                raise BusUnavailable(f"{type(error).__name__} at {self._queue.name}'s dead letters") from error


def _count(channel: Any, name: str) -> int:
    count: int = channel.queue_declare(name, passive=True).message_count
    return count
