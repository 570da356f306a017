"""Pipelined publishing: a page of a log is published at once, and the broker's confirms are awaited together.

A broker confirms a message once every queue it reaches has it on the disks of a majority. One by one, each event would
wait for all of that before the next one leaves.
"""

from collections.abc import Sequence

import msgspec
import structlog
from amqp.exceptions import MessageNacked
from kombu import Connection, Exchange, Producer

from shared.contracts.envelope import CloudEvent
from shared.messaging.accounts.identity import signed_by
from shared.messaging.accounts.publisher import CONFIRM_SECONDS_MAX, PUBLISHING_FAULTS
from shared.messaging.exchanges import events_of
from shared.messaging.publishing import WRITTEN_AS
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_pushes import bodies

CONNECT_SECONDS_MAX = 5
_log = structlog.get_logger(__name__)


class PipelinedLogBus:
    """Bus of a relay in production: its service's exchange, over its own connection; for one thread at a time."""

    def __init__(self, amqp_uri: str, service: str, signer: Signer | None = None) -> None:
        self._amqp_uri, self._exchange, self._signer = amqp_uri, events_of(service), signer
        self._channel: _ConfirmingChannel | None = None

    def publish(self, events: Sequence[CloudEvent]) -> int:
        """Publishes in order. Returns how many, from the first on, are confirmed; if not all, the reason is logged."""
        confirmed = 0
        while True:
            kept = self._channel
            channel = self._channel = kept or _ConfirmingChannel(self._amqp_uri, self._exchange, self._signer)
            try:
                channel.publish(events[confirmed:])
            except PUBLISHING_FAULTS as error:
                confirmed += channel.confirmed
                channel.close()
                self._channel = None
                if kept is None:
                    _log.warning("bus_unavailable", exchange=self._exchange.name, detail=type(error).__name__)
                    return confirmed
                # A kept connection may have broken long ago, which says nothing about the broker now: try a new one.
            else:
                return confirmed + channel.confirmed


class _ConfirmingChannel:
    """A connection with one channel in confirm mode. `confirmed`: events of the last page, counted from its first."""

    def __init__(self, amqp_uri: str, exchange: Exchange, signer: Signer | None) -> None:
        """Connects to nothing yet."""
        self.confirmed = 0
        self._connection = Connection(amqp_uri, connect_timeout=CONNECT_SECONDS_MAX)
        self._exchange, self._signer, self._account = exchange, signer, signed_by(amqp_uri)
        self._producer: Producer | None = None
        self._sent = 0  # the broker numbers its confirms by this
        self._unanswered: set[int] = set()
        self._refused: set[int] = set()

    def publish(self, events: Sequence[CloudEvent]) -> None:
        """Publishes a page, waits for its confirms. Raises one of PUBLISHING_FAULTS; `confirmed` is right then, too."""
        self.confirmed = 0
        producer = self._producer = self._producer or self._open()
        options = {**WRITTEN_AS, **self._account, "timeout": CONFIRM_SECONDS_MAX}
        first = self._sent + 1
        try:
            for body in bodies(events, self._signer):
                self._sent += 1
                self._unanswered.add(self._sent)
                producer.publish(msgspec.json.encode(body), routing_key=body["type"], **options)
            while self._unanswered:
                self._connection.drain_events(timeout=CONFIRM_SECONDS_MAX)
        finally:
            self.confirmed = min(self._unanswered | self._refused, default=self._sent + 1) - first
        if self._refused:
            raise MessageNacked

    def close(self) -> None:
        self._connection.collect()  # without closing frames: the broker may not answer any more

    def _open(self) -> Producer:
        channel = self._connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._answered)
        channel.events["basic_nack"].add(self._hear_refusal)
        return Producer(channel, exchange=self._exchange)

    def _answered(self, number: int, with_all_before: bool) -> set[int]:
        answered = {one for one in self._unanswered if one == number or (with_all_before and one < number)}
        self._unanswered -= answered
        return answered

    def _hear_refusal(self, number: int, with_all_before: bool) -> None:
        self._refused |= self._answered(number, with_all_before)
