"""CloudEvents 1.0 envelope of every event between services, in JSON form, with the event's place in its log."""

from datetime import datetime
from typing import Any

import msgspec

from shared.eventsourcing.event_store import Head


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event in its envelope. `subject` is the stream; `data` is None for a row with nothing public.

    `ignorable`: a reader that does not know the type may skip the event; it must not skip one of any other type.
    `epoch`, `position`, `hash` and `previous` (the hash of the row before) are extension attributes: the place in
    the log, so a follower knows what comes next and can tell a restored log from the one it followed.
    `revision`: the event's number in its stream; `actor`: who caused it; `traceparent`: in which trace (CloudEvents'
    extension for distributed tracing). Older publishers do not say them.
    """

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    epoch: str
    position: int
    hash: str
    previous: str | None = None
    data: dict[str, Any] | None = None
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    ignorable: bool = False
    revision: int | None = None
    actor: str | None = None
    traceparent: str | None = None

    @property
    def place(self) -> Head:
        return Head(epoch=self.epoch, position=self.position, hash=self.hash)


def to_json(event: CloudEvent) -> dict[str, Any]:
    """Plain JSON values, ready for any serializer."""
    body: dict[str, Any] = msgspec.to_builtins(event)
    return body


def from_json(body: object) -> CloudEvent:
    """Raises msgspec.ValidationError; attributes this code does not know are ignored."""
    return msgspec.convert(body, type=CloudEvent)
