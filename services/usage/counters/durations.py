"""Durations of requests: intake queues them, and they are folded into the sketches of hours and days soon after.

A sketch is read, merged and written whole, each of every key of a batch, which was a quarter of what counting cost.
Queued, they are one row a transaction. Quantiles are read from what is folded and from what is not yet.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, delete, insert, literal, select, union_all

from services.usage import tables
from services.usage.bulk_upsert import put
from services.usage.counters import latency_sketch
from services.usage.counters.aggregation import (
    DAY_MINUTES,
    HOUR_MINUTES,
    Buckets,
    CounterSums,
    Durations,
    add_buckets,
    durations_by_day,
)
from services.usage.counters.counters import KEYS, ORGANISATIONS, CounterTables
from services.usage.writer_lock import take_writer_lock
from shared.sql.database import Database
from shared.sql.in_values import in_values

_ROWS_AT_ONCE = 100
_QUEUE = insert(tables.pending_durations).inline()


class _Queued(msgspec.Struct, frozen=True, array_like=True):
    """Of one key in one hour. Stored rows are lists of these, as MessagePack."""

    key_id: str
    organisation_id: str
    hour: int
    buckets: Buckets


_decoder = msgspec.msgpack.Decoder(list[_Queued])


def queue_durations(tx: Connection, gained: CounterSums) -> None:
    """Queues them in the transaction that counts their requests, whose writer lock the caller holds."""
    took, names = gained.durations, gained.organisations
    if took:
        queued = [_Queued(key_id, names[key_id], hour, buckets) for (key_id, hour), buckets in took.items()]
        hours = [one.hour for one in queued]
        row = {"first_hour": min(hours), "last_hour": max(hours), "body": msgspec.msgpack.encode(queued)}
        tx.execute(_QUEUE, row)


def fold(database: Database) -> None:
    """Folds all that is queued, in several transactions, so that no batch waits for long."""
    is_more = True
    while is_more:
        with database.transaction() as tx:
            take_writer_lock(tx)
            is_more = fold_some(tx)
        time.sleep(0)  # embedded, all services share this thread


def fold_some(tx: Connection) -> bool:
    """Folds the oldest rows. Whether there may be more. The caller holds the writer lock."""
    table = tables.pending_durations
    rows = tx.execute(select(table.c.id, table.c.body).order_by(table.c.id).limit(_ROWS_AT_ONCE)).all()
    if not rows:
        return False
    of_keys, of_organisations = Durations(), Durations()
    for row in rows:
        for one in _decoder.decode(row.body):
            add_buckets(of_keys.setdefault((one.key_id, one.hour), {}), one.buckets)
            add_buckets(of_organisations.setdefault((one.organisation_id, one.hour), {}), one.buckets)
    for owned, took in ((KEYS, of_keys), (ORGANISATIONS, of_organisations)):
        _add(tx, owned.owner, owned.duration, took)
        _add(tx, owned.owner, owned.duration_day, durations_by_day(took))
    tx.execute(delete(table).where(table.c.id <= rows[-1].id))
    return len(rows) == _ROWS_AT_ONCE


def buckets_of(tx: Connection, owned: CounterTables, owner: str, first: int, last: int) -> Buckets:
    """Bucket → requests, of the whole hours that the minutes [first, last) touch. In one statement: one snapshot."""
    start, end = first - first % HOUR_MINUTES, -(-last // HOUR_MINUTES) * HOUR_MINUTES
    queue, found = tables.pending_durations.c, Buckets()
    queued = select(literal(True), queue.body).where(queue.first_hour < end, queue.last_hour >= start)
    for is_queued, body in tx.execute(union_all(*_sketches(owned, owner, start, end), queued)):
        if not is_queued:
            add_buckets(found, latency_sketch.from_bytes(body))
            continue
        for one in _decoder.decode(body):
            if owner == (one.key_id if owned is KEYS else one.organisation_id) and start <= one.hour < end:
                add_buckets(found, one.buckets)
    return found


def _sketches(owned: CounterTables, owner: str, start: int, end: int) -> Iterator[Select[Any]]:
    """Queries for the sketches of the hours in [start, end): of whole days, and of the hours before and after them."""
    first_day, last_day = -(-start // DAY_MINUTES) * DAY_MINUTES, end // DAY_MINUTES * DAY_MINUTES
    hours, days = owned.duration, owned.duration_day
    spans = [(hours, start, first_day), (days, first_day, last_day), (hours, last_day, end)]
    for table, begin, stop in spans if first_day < last_day else [(hours, start, end)]:
        is_within: tuple[ColumnElement[bool], ...] = (table.c.minute >= begin, table.c.minute < stop)
        yield select(literal(False), table.c.sketch).where(table.c[owned.owner] == owner, *is_within)


def _add(tx: Connection, owner: str, table: Table, took: Durations) -> None:
    known = _read(tx, owner, table, took)
    for place, buckets in took.items():
        add_buckets(known.setdefault(place, {}), buckets)
    rows = [(*place, latency_sketch.to_bytes(known[place])) for place in sorted(took)]
    put(tx, table, (owner, "minute", "sketch"), rows)


def _read(tx: Connection, owner: str, table: Table, places: Iterable[tuple[str, int]]) -> Durations:
    """The stored sketches of these (owner, step) places."""
    wanted = set(places)
    steps = {step for _, step in wanted}
    is_near = (
        in_values(tx, table.c[owner], {name for name, _ in wanted}),
        table.c.minute.between(min(steps), max(steps)),
    )
    rows = tx.execute(select(table.c[owner], table.c.minute, table.c.sketch).where(*is_near))
    return {(name, step): latency_sketch.from_bytes(sketch) for name, step, sketch in rows if (name, step) in wanted}
