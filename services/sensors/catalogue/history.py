"""History of a seismic event: what its source said from revision to revision, read from the log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.sensors.catalogue.events import CatalogueEventWithdrawn
from services.sensors.registry.events import types
from services.sensors.registry.visible import Visible
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import from_rfc3339

REVISIONS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """`changes`: against the revision before, by the API's names; empty for the first. `is_withdrawn`: from then."""

    revision: int
    recorded_at: datetime
    is_withdrawn: bool
    changes: Mapping[str, Change]


class EventHistory:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def revisions(self, visible: Visible, event_id: str) -> tuple[Revision, ...]:
        """Oldest first, the newest REVISIONS_MAX of them. The event must be known to be visible.

        Who is bound to networks is not told of which others it was.
        """
        hidden = () if visible.networks is None else ("network_id",)
        with self._store.reading(once=True) as tx:
            rows = self._store.stream(tx, event_id)
        first = max(0, len(rows) - REVISIONS_MAX)
        before = _said_before(rows[:first], hidden)
        told: list[Revision] = []
        for row in rows[first:]:
            after = _told(row, before, hidden)
            told.append(_revision(row, before, after))
            before = after
        return tuple(told)


def _said_before(rows: Sequence[StoredEvent], hidden: Collection[str]) -> dict[str, Any]:
    """The latest that was said in these: a withdrawal says nothing of its own."""
    saying = (row for row in reversed(rows) if row.type != CatalogueEventWithdrawn.__name__)
    latest = next(saying, None)
    return {} if latest is None else _told(latest, {}, hidden)


def _told(row: StoredEvent, before: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    event: Any = types.decode(row.type, row.schema_version, row.data)
    if isinstance(event, CatalogueEventWithdrawn):
        return before
    told = msgspec.to_builtins(event.solution) | {"network_id": event.network_id}
    return {name: value for name, value in told.items() if name not in hidden}


def _revision(row: StoredEvent, before: dict[str, Any], after: dict[str, Any]) -> Revision:
    return Revision(
        revision=row.version,
        recorded_at=from_rfc3339(row.recorded_at),
        is_withdrawn=row.type == CatalogueEventWithdrawn.__name__,
        changes={name: Change(old=old, new=after[name]) for name, old in before.items() if old != after[name]},
    )
