"""History of a key: the events of its stream, oldest first, as its organisation may see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, or_, select

from services.keys import tables
from services.keys.encryption import data_keys
from services.keys.events import KeyRevoked, LifetimesChanged, UnusedExpiryChanged, types
from services.keys.lifecycle.key import KEY_PREFIX, NoSuchKey
from services.keys.publication import publish
from services.keys.views.projection import note_of
from shared.contracts.api_terms import facts
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import from_rfc3339, rfc3339

# The caller knows whose key it is.
_OMITTED = ("key_id", "organisation_id")
# Settings, which are private to the organisation, but not to itself.
_OF_THE_ORGANISATION = (UnusedExpiryChanged, LifetimesChanged)
# Whose key it is, also where nothing of it is wanted.
_FIRST = select(tables.log).where(tables.log.c.stream == bindparam("key_id"), tables.log.c.version == 1)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRange:
    """Events in [start, end), and those at `end` itself whose revision is below `end_revision`.

    `newest`: at most so many of the latest by time; None: all. `request_id`: of the request that asked for them.
    """

    newest: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    end_revision: int = 0
    request_id: str | None = None


WHOLE_HISTORY = HistoryRange()


class History:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def of_key(
        self, organisation_id: str, key_id: str, wanted: HistoryRange = WHOLE_HISTORY
    ) -> tuple[HistoryEntry, ...]:
        """Oldest first, by time. A key may have thousands of events: only what is wanted of them is decoded.

        Raises NoSuchKey, also for another organisation's key.
        """
        if not key_id.startswith(KEY_PREFIX):
            raise NoSuchKey  # organisations have streams in this log too
        with self._store.reading() as tx:
            rows = tx.execute(_latest_first(key_id, wanted)).all()
            first = tx.execute(_FIRST, {"key_id": key_id}).all()
            data_key = data_keys.read(tx, key_id)
        events = [_event(row) for row in rows]
        if not first or any(event.organisation_id != organisation_id for event in (*map(_event, first), *events)):
            raise NoSuchKey
        entries = (_entry(row, event, data_key) for row, event in zip(rows[::-1], events[::-1], strict=True))
        # Once more: SQLite's LIKE takes capitals for small letters.
        return tuple(entry for entry in entries if wanted.request_id in (None, entry.request_id))


def _latest_first(key_id: str, wanted: HistoryRange) -> Select[Any]:
    log = tables.log.c
    latest_first = (log.recorded_at.desc(), log.version.desc())
    # Found by their places first: no database need then sort thousands of events with all that they hold.
    found = select(log.position).where(log.stream == key_id, *_conditions(wanted))
    found = found.order_by(*latest_first).limit(wanted.newest)
    return select(tables.log).where(log.position.in_(found)).order_by(*latest_first)


def _conditions(wanted: HistoryRange) -> Iterator[ColumnElement[bool]]:
    log = tables.log.c
    if wanted.start is not None:
        yield log.recorded_at >= rfc3339(wanted.start)
    if wanted.end is not None:
        end = rfc3339(wanted.end)
        yield or_(log.recorded_at < end, and_(log.recorded_at == end, log.version < wanted.end_revision))
    if wanted.request_id is not None:
        # As the metadata is written: a quotation mark inside another of its texts would stand behind a backslash.
        written = f'"request_id":{msgspec.json.encode(wanted.request_id).decode()}'
        yield log.metadata.contains(written, autoescape=True)


def history_entry(row: StoredEvent | Row[Any], data_key: str | None) -> HistoryEntry:
    """The entry that a row of the log makes. `data_key`: the key's; a deleted one has none, and no note."""
    return _entry(row, _event(row), data_key)


def _entry(row: StoredEvent | Row[Any], event: Any, data_key: str | None) -> HistoryEntry:
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


def _event(row: StoredEvent | Row[Any]) -> Any:
    return types.decode(row.type, row.schema_version, row.data)


def _public(event: Any) -> dict[str, Any]:
    told = event if isinstance(event, _OF_THE_ORGANISATION) else publish(event)
    return facts(msgspec.to_builtins(told) or {})
