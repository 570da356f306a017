"""History of a key: the events of its stream, oldest first, as its organisation may see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from services.keys.encryption import data_keys
from services.keys.events import KeyRevoked, LifetimesChanged, UnusedExpiryChanged, types
from services.keys.lifecycle.key import KEY_PREFIX, NoSuchKey
from services.keys.publication import publish
from services.keys.views.projection import note_of
from shared.contracts.api_terms import facts
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import from_rfc3339

# The caller knows whose key it is.
_OMITTED = ("key_id", "organisation_id")
# Settings, which are private to the organisation, but not to itself.
_OF_THE_ORGANISATION = (UnusedExpiryChanged, LifetimesChanged)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One event of a key. `revision`: its number in the stream. `facts`: its public ones, and a revocation's note."""

    revision: int
    type: str
    at: datetime
    actor: str
    on_behalf_of: str | None
    request_id: str | None
    facts: dict[str, Any]


class History:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def of_key(self, organisation_id: str, key_id: str, *, newest: int | None = None) -> tuple[HistoryEntry, ...]:
        """Oldest first. `newest`: at most so many of the latest, and None: all. Raises NoSuchKey, also for another
        organisation's key.
        """
        if not key_id.startswith(KEY_PREFIX):
            raise NoSuchKey  # organisations have streams in this log too
        with self._store.reading() as tx:
            rows = self._store.stream(tx, key_id, newest)
            data_key = data_keys.read(tx, key_id)
        if not rows or any(_organisation_of(row) != organisation_id for row in rows):
            raise NoSuchKey
        return tuple(history_entry(row, data_key) for row in rows)


def history_entry(row: StoredEvent | Row[Any], data_key: str | None) -> HistoryEntry:
    """The entry that a row of the log makes. `data_key`: the key's; a deleted one has none, and no note."""
    event: Any = types.decode(row.type, row.schema_version, row.data)
    origin = msgspec.json.decode(row.metadata, type=Origin)
    return HistoryEntry(
        revision=row.version,
        type=row.type,
        at=from_rfc3339(row.recorded_at),
        actor=origin.actor,
        on_behalf_of=origin.on_behalf_of,
        request_id=origin.request_id,
        facts={name: value for name, value in _public(event).items() if name not in _OMITTED} | _note(event, data_key),
    )


def _note(event: Any, data_key: str | None) -> dict[str, str]:
    note = note_of(event.note, data_key) if isinstance(event, KeyRevoked) else None
    return {} if note is None else {"note": note}


def _organisation_of(row: StoredEvent) -> str:
    event: Any = types.decode(row.type, row.schema_version, row.data)
    organisation_id: str = event.organisation_id
    return organisation_id


def _public(event: Any) -> dict[str, Any]:
    told = event if isinstance(event, _OF_THE_ORGANISATION) else publish(event)
    return facts(msgspec.to_builtins(told) or {})
