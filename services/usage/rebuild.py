"""Rebuild of the counters from the request log, UTC day by UTC day; reports every row that differed.

Counters of days whose requests are deleted are sealed: they stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from services.usage import tables
from services.usage.counters.aggregation import DAY_MINUTES, sum_records
from services.usage.counters.counters import KEYS, ORGANISATIONS, count
from services.usage.counters.durations import fold_some, queue_durations
from services.usage.requests.request_log import sealed_before, stored
from services.usage.writer_lock import take_writer_lock
from shared.sql.database import Database
from shared.values.timestamps import DAY_US, MINUTE_US, from_microseconds

_TOLD_MAX = 10  # differences of a day that are described
COUNTERS: tuple[Table, ...] = (
    *(
        table
        for owned in (KEYS, ORGANISATIONS)
        for table in (
            owned.minute,
            owned.hour,
            owned.duration,
            owned.duration_day,
            owned.networks.minute,
            owned.networks.hour,
        )
    ),
    tables.counter_day,
)
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """One UTC day. `differences`: how many counter rows were wrong, and are corrected; `told`: some, described."""

    day: str
    differences: int
    told: tuple[str, ...]


def rebuild(database: Database) -> Iterator[Rebuilt]:
    """Rebuilds each day in a transaction under the writer lock: batches are counted between days, never within."""
    for day in _days(database):
        with database.transaction(unlimited=True) as tx:
            take_writer_lock(tx)
            if day * DAY_US < sealed_before(tx):
                continue  # sealed since the days were listed
            _fold_all(tx)
            before = _contents(tx, day)
            for table in COUNTERS:
                tx.execute(delete(table).where(_is_of(table, day)))
            sums = sum_records(stored(tx, day * DAY_US, (day + 1) * DAY_US))
            count(tx, sums)
            queue_durations(tx, sums)
            _fold_all(tx)
            after = _contents(tx, day)
        wrong = [place for place in sorted(before.keys() | after.keys()) if before.get(place) != after.get(place)]
        told = tuple(_described(place, before.get(place), after.get(place)) for place in wrong[:_TOLD_MAX])
        yield Rebuilt(day=f"{from_microseconds(day * DAY_US):%Y-%m-%d}", differences=len(wrong), told=told)


def _fold_all(tx: Connection) -> None:
    while fold_some(tx):
        pass


def _days(database: Database) -> list[int]:
    """The days, numbered from 1970-01-01, that have requests or counters and are not sealed."""
    at = tables.request.c.at
    with database.reading(unlimited=True) as tx:
        sealed = sealed_before(tx)
        first, last = tx.execute(select(func.min(at), func.max(at))).one()
        days = set() if first is None else set(range(first // DAY_US, last // DAY_US + 1))
        for table in COUNTERS:
            minutes = select(table.c.minute).where(table.c.minute >= sealed // MINUTE_US).distinct()
            days |= {minute // DAY_MINUTES for minute in tx.execute(minutes).scalars()}
    return sorted(day for day in days if day * DAY_US >= sealed)


def _contents(tx: Connection, day: int) -> dict[_Row, _Row]:
    """Every counter row of that day: (table, *primary key) → the other columns."""
    rows: dict[_Row, _Row] = {}
    for table in COUNTERS:
        keys = len(table.primary_key)
        rows |= {(table.name, *row[:keys]): row[keys:] for row in tx.execute(select(table).where(_is_of(table, day)))}
    return rows


def _is_of(table: Table, day: int) -> ColumnElement[bool]:
    return table.c.minute.between(day * DAY_MINUTES, (day + 1) * DAY_MINUTES - 1)


def _described(place: _Row, was: _Row | None, now: _Row | None) -> str:
    texts = (" ".join(map(_text, values)) if values else "not there" for values in (was, now))
    return f"{' '.join(map(_text, place))}: was {next(texts)}, is {next(texts)}"


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
