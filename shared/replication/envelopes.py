"""Envelopes: public CloudEvents made from the rows of a log. A service's `publication.py` says what is public."""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import msgspec

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.epochs import Epochs
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.event_types import EventTypes
from shared.values.timestamps import from_stored

# From a private event to its public shape (a dataclass of shared.contracts), or None if nothing of it is public.
Publish = Callable[[Any], object | None]


class _Metadata(msgspec.Struct, frozen=True):
    actor: str | None = None
    traceparent: str | None = None


_metadata = msgspec.json.Decoder(_Metadata)


class Envelopes:
    def __init__(self, source: str, types: EventTypes, publish: Publish, *, ignorable: Container[type] = ()) -> None:
        """`ignorable`: public shapes that take no permission away, so that older readers may skip them."""
        self.source, self._ignorable = source, ignorable
        self._types, self._publish = types, publish

    def envelopes(self, rows: Iterable[StoredEvent], epochs: Epochs, previous: str | None) -> Iterator[CloudEvent]:
        """One envelope for every row, so that positions stay gapless. `previous`: the hash before the first row."""
        for row in rows:
            yield self.envelope(row, epochs.at(row.position), previous)
            previous = row.hash

    def envelope(self, row: StoredEvent, epoch: str, previous: str | None) -> CloudEvent:
        metadata = _metadata.decode(row.metadata)
        public = self._publish(self._types.decode(row.type, row.schema_version, row.data))
        return CloudEvent(
            id=f"{epoch}-{row.position}",
            source=f"/grillo/{self.source}",
            type=row.type,
            time=from_stored(row.recorded_at),
            subject=row.stream,
            epoch=epoch,
            position=row.position,
            hash=row.hash,
            previous=previous,
            data=None if public is None else msgspec.to_builtins(public),
            revision=row.version,
            actor=metadata.actor,
            traceparent=metadata.traceparent,
            ignorable=public is None or type(public) in self._ignorable,
        )
