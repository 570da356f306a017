"""History of an organisation: the events of all its keys and of itself, newest first, in keyset pages.

Of deleted keys it shows only id and hint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal, select, union_all

from services.keys import tables
from services.keys.views.history import HistoryEntry, history_entry
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.keyset import By, read_page
from shared.values.timestamps import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationHistoryEntry:
    """`key_id` and `hint` are None for the organisation's own events. `position`: in the log."""

    position: int
    key_id: str | None
    hint: str | None
    entry: HistoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationHistoryPage:
    """`next_place`: (position) of the last entry shown; None on the last page."""

    entries: tuple[OrganisationHistoryEntry, ...]
    next_place: tuple[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Events of one of the types (none: of any), recorded in [start, end)."""

    types: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None


EVERYTHING = HistoryFilter()


class OrganisationHistory:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def page(
        self,
        organisation_id: str,
        limit: int,
        after: tuple[int] | None = None,
        wanted: HistoryFilter = EVERYTHING,
    ) -> OrganisationHistoryPage:
        log, living, deleted = tables.log, tables.api_key, tables.deleted_key
        keys = union_all(
            *(
                select(table.c.id, table.c.hint).where(table.c.organisation_id == organisation_id)
                for table in (living, deleted)
            ),
            select(literal(organisation_id), literal(None)),
        ).subquery("streams")
        query = (
            select(log, keys.c.hint, tables.data_key.c.value.label("data_key"))
            .join(keys, keys.c.id == log.c.stream)
            .outerjoin(tables.data_key, tables.data_key.c.key_id == log.c.stream)
            .where(*_conditions(wanted))
        )
        with self._store.reading() as tx:
            shown, last = read_page(tx, query, (By(log.c.position, descending=True),), after, limit)
        entries = tuple(
            OrganisationHistoryEntry(
                position=row.position,
                key_id=None if row.stream == organisation_id else row.stream,
                hint=row.hint,
                entry=history_entry(row, row.data_key),
            )
            for row in shown
        )
        return OrganisationHistoryPage(entries=entries, next_place=last and (last.position,))


def _conditions(wanted: HistoryFilter) -> Iterator[ColumnElement[bool]]:
    log = tables.log
    if wanted.types:
        yield log.c.type.in_(wanted.types)
    if wanted.start is not None:
        yield log.c.recorded_at >= rfc3339(wanted.start)
    if wanted.end is not None:
        yield log.c.recorded_at < rfc3339(wanted.end)
