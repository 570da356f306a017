"""Event publisher with publisher confirms: when `publish` returns, the broker has the message."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from nameko.amqp.publish import UndeliverableMessage

from shared.contracts.auth import AuthenticationFailed
from shared.contracts.envelope import CloudEvent
from shared.contracts.sensors import ExportEnded
from shared.messaging.accounts.publisher import PUBLISHING_FAULTS, AccountPublisher
from shared.messaging.exchanges import events_of
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_pushes import bodies
from shared.replication.relay import BusUnavailable

WRITTEN_AS: Mapping[str, Any] = {"content_type": "application/json", "content_encoding": "utf-8"}
_log = structlog.get_logger(__name__)


class EventPublisher:
    """Publishes plain JSON bodies on one service's exchange, persistent, each under its type and our account."""

    def __init__(self, amqp_uri: str, service: str) -> None:
        self._publisher = AccountPublisher(amqp_uri, exchange=events_of(service))

    def publish(self, type_: str, body: Mapping[str, Any], *, mandatory: bool = False) -> None:
        """Returns once confirmed. Raises BusUnavailable; also if `mandatory` and no queue would get the message."""
        self.publish_json(type_, msgspec.json.encode(body), mandatory=mandatory)

    def publish_json(self, type_: str, body: bytes, *, mandatory: bool = False) -> None:
        """As `publish`, for a body that is JSON bytes already."""
        try:
            self._publisher.publish(body, routing_key=type_, mandatory=mandatory, **WRITTEN_AS)
        except UndeliverableMessage as error:
            raise BusUnavailable(f"nobody has a queue for {type_} yet") from error
        except PUBLISHING_FAULTS as error:
            raise BusUnavailable(f"{type(error).__name__} while publishing {type_}") from error


class LogBus:
    """Bus of a relay when embedded: publishes on its service's exchange, event by event."""

    def __init__(self, publisher: EventPublisher, signer: Signer | None = None) -> None:
        self._publisher, self._signer = publisher, signer

    def publish(self, events: Sequence[CloudEvent]) -> int:
        for number, body in enumerate(bodies(events, self._signer)):
            try:
                self._publisher.publish(body["type"], body)
            except BusUnavailable as error:
                _log.warning("bus_unavailable", detail=str(error))
                return number
        return len(events)


class MeterBus:
    """Bus of a gate's meter: publishes batches on auth's exchange, since gates act for auth.

    Batches are mandatory: only usage's queue takes them, and a gate may start before usage has ever declared it.
    """

    def __init__(self, publisher: EventPublisher) -> None:
        self._publisher = publisher

    def publish(self, batch: bytes) -> None:
        self._publisher.publish_json("RequestMetered", batch, mandatory=True)

    def tell(self, failed: AuthenticationFailed) -> None:
        """Publishes the event, also if no queue takes it. Raises BusUnavailable."""
        self._publisher.publish("AuthenticationFailed", msgspec.to_builtins(failed))


class ExportBus:
    """Tells usage of exports that ended. Mandatory: sensors may start before usage has ever declared its queue."""

    def __init__(self, publisher: EventPublisher) -> None:
        self._publisher = publisher

    def tell(self, ended: ExportEnded) -> None:
        """Returns once confirmed. Raises BusUnavailable."""
        self._publisher.publish("ExportEnded", msgspec.to_builtins(ended), mandatory=True)
