"""History of an organisation: the events of all its keys and of itself, newest first, in keyset pages.

Of deleted keys it shows only id and hint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, union_all

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
WALKED_MAX = 2_000
_NEWEST_FIRST = (By(tables.log.c.position, descending=True),)
_DATA_KEY = tables.data_key.c.value.label("data_key")
_WITH_DATA_KEY = (tables.data_key, tables.data_key.c.key_id == tables.log.c.stream)


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
        with self._store.reading() as tx:
            before = after[0] if after else tx.execute(select(tables.log_head.c.position)).scalar_one() + 1
            shown, last = read_page(tx, _among_newest(organisation_id, wanted, before), _NEWEST_FIRST, after, limit)
            if last is None and before - WALKED_MAX > 1:
                shown, last = read_page(tx, _of_its_keys(organisation_id, wanted), _NEWEST_FIRST, after, limit)
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


def _among_newest(organisation_id: str, wanted: HistoryFilter, before: int) -> Select[Any]:
    """Of the rows of all organisations before that place the newest: who has many keys changes them often."""
    log, living, deleted = tables.log, tables.api_key, tables.deleted_key
    is_own = [
        and_(table.c.id == log.c.stream, table.c.organisation_id == organisation_id) for table in (living, deleted)
    ]
    of_any = or_(living.c.id.is_not(None), deleted.c.id.is_not(None), log.c.stream == organisation_id)
    rows = select(log, func.coalesce(living.c.hint, deleted.c.hint).label("hint"), _DATA_KEY)
    rows = rows.outerjoin(living, is_own[0]).outerjoin(deleted, is_own[1]).outerjoin(*_WITH_DATA_KEY)
    return rows.where(log.c.position >= before - WALKED_MAX, of_any, *_conditions(wanted))


def _of_its_keys(organisation_id: str, wanted: HistoryFilter) -> Select[Any]:
    """All rows of its streams: who has few keys may have changed none for long."""
    log, living, deleted = tables.log, tables.api_key, tables.deleted_key
    keys = union_all(
        *(
            select(table.c.id, table.c.hint).where(table.c.organisation_id == organisation_id)
            for table in (living, deleted)
        ),
        select(literal(organisation_id), literal(None)),
    ).subquery("streams")
    rows = select(log, keys.c.hint, _DATA_KEY).join(keys, keys.c.id == log.c.stream).outerjoin(*_WITH_DATA_KEY)
    return rows.where(*_conditions(wanted))


def _conditions(wanted: HistoryFilter) -> Iterator[ColumnElement[bool]]:
    log = tables.log
    if wanted.types:
        yield log.c.type.in_(wanted.types)
    if wanted.start is not None:
        yield log.c.recorded_at >= rfc3339(wanted.start)
    if wanted.end is not None:
        yield log.c.recorded_at < rfc3339(wanted.end)
