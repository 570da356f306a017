"""Statistics read from the counters: totals, series, latency quantiles, quota used. Reads only."""

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Table,
    cast,
    func,
    select,
    union_all,
)

from services.usage import tables
from services.usage.counters import latency_sketch
from services.usage.counters.aggregation import DAY_MINUTES, HOUR_MINUTES, add_buckets
from services.usage.counters.by_network import by_network, keys_of
from services.usage.counters.counters import KEYS, ORGANISATIONS, CounterTables
from services.usage.counters.keys_compared import KeysCompared, read_compared
from shared.contracts.usage import Spent
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, from_microseconds, midnight, to_microseconds

_DAY_1970 = date(1970, 1, 1).toordinal()
_LAST = datetime.max.replace(tzinfo=UTC)


class Step(enum.Enum):
    """Width of a series' buckets, in minutes."""

    MINUTE = 1
    HOUR = 60
    DAY = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`by_status`: status code → requests."""

    start: datetime
    requests: int
    by_status: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationsMs:
    """Quantiles of latency in milliseconds, over the whole hours that the range touches. None: no requests."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`by_class`: 2xx, 4xx … → requests. `bytes`: of the answers' bodies. `routes`: route → requests.

    `networks`: network → requests about it; those with most.
    """

    total: int
    bytes: int
    by_class: dict[str, int]
    duration_ms: DurationsMs
    series: tuple[Bucket, ...]
    routes: dict[str, int]
    networks: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Quota used: in the last 60 s, today (UTC), and in the last hour (today or not, to the minute)."""

    minute: int
    day: int
    hour: int


class Statistics:
    def __init__(self, database: Database) -> None:
        self._database = database

    def summary(self, key_id: str, start: datetime, end: datetime, step: Step) -> Summary:
        """Requests in [start, end), widened to whole steps; buckets without requests are left out."""
        return self._summary(KEYS, key_id, key_id, start, end, step)

    def of_organisation(self, organisation_id: str, start: datetime, end: datetime, step: Step) -> Summary:
        """The same for all keys of an organisation, deleted ones included."""
        return self._summary(ORGANISATIONS, organisation_id, keys_of(organisation_id), start, end, step)

    def by_key(self, organisation_id: str, start: datetime, end: datetime, step: Step) -> KeysCompared:
        """Of the organisation's keys, without deleted ones; the range is widened to whole steps."""
        first, last = _minutes(start, end, step)
        with self._database.reading() as tx:
            return read_compared(tx, organisation_id, first, last, step.value)

    def used(self, key_id: str, now: datetime) -> Used:
        request, minutes, days = tables.request, tables.counter, tables.counter_day
        minute_ago, hour_ago = to_microseconds(now - timedelta(seconds=60)), now - timedelta(hours=1)
        today = to_microseconds(midnight(now)) // MINUTE_US
        first = to_microseconds(hour_ago) // MINUTE_US
        used = select(
            _cost(request, request.c.key_id == key_id, request.c.at > minute_ago).label("minute"),
            _cost(days, days.c.key_id == key_id, days.c.minute == today).label("day"),
            _cost(minutes, minutes.c.key_id == key_id, minutes.c.minute >= first).label("hour"),
        )
        with self._database.reading(once=True) as tx:
            row = tx.execute(used).one()
        return Used(minute=row.minute, day=row.day, hour=row.hour)

    def spent(self, now: datetime) -> tuple[Spent, ...]:
        """What each key has spent today and in the last 60 s, for a gate that starts with empty counters."""
        request, counter = tables.request, tables.counter_day
        with self._database.reading() as tx:
            today = tx.execute(
                select(counter.c.key_id, func.sum(counter.c.cost).label("cost"))
                .where(counter.c.minute >= to_microseconds(midnight(now)) // MINUTE_US)
                .group_by(counter.c.key_id)
            ).all()
            recent = tx.execute(
                select(request.c.key_id, request.c.at).where(
                    request.c.cost > 0, request.c.at > to_microseconds(now - timedelta(seconds=60))
                )
            ).all()
        seconds_ago: dict[str, list[float]] = defaultdict(list)
        for row in recent:
            seconds_ago[row.key_id].append((now - from_microseconds(row.at)).total_seconds())
        days = {row.key_id: int(row.cost) for row in today}
        return tuple(
            Spent(key_id=key_id, today=days.get(key_id, 0), seconds_ago=tuple(seconds_ago.get(key_id, ())))
            for key_id in days.keys() | seconds_ago.keys()
        )

    def spent_on(self, key_id: str, day: int) -> int:
        """What a key has spent on a day, numbered as `date.toordinal` numbers it: as far as it is counted."""
        counter = tables.counter_day
        spent = _cost(counter, counter.c.key_id == key_id, counter.c.minute == (day - _DAY_1970) * DAY_MINUTES)
        with self._database.reading(once=True) as tx:
            return int(tx.execute(select(spent)).scalar_one())

    def _summary(
        self, owned: CounterTables, owner: str, keys: str | Select[str], start: datetime, end: datetime, step: Step
    ) -> Summary:
        """`keys`: those of which networks are told, an id or a query for ids."""
        first, last = _minutes(start, end, step)
        series: dict[int, dict[str, int]] = defaultdict(dict)
        by_class: dict[str, int] = defaultdict(int)
        routes: dict[str, int] = defaultdict(int)
        total_size = 0
        with self._database.reading() as tx:
            counter = owned.within(tx, owner, first, last, step.value)
            bucket = (counter.c.minute - counter.c.minute % step.value).label("bucket")
            by_status = select(bucket, counter.c.status, _sum(counter.c.requests))
            totals = select(counter.c.route, counter.c.status, _sum(counter.c.requests), _sum(counter.c.size))
            for at, status, requests in tx.execute(by_status.group_by(bucket, counter.c.status).order_by(bucket)):
                series[at][str(status)] = requests
            for route, status, requests, size in tx.execute(totals.group_by(counter.c.route, counter.c.status)):
                by_class[f"{status // 100}xx"] += requests
                routes[route] += requests
                total_size += size
            buckets = _buckets(tx, owned, owner, first, last)
            networks = by_network(tx, keys, first, last, step.value)
        return Summary(
            total=sum(routes.values()),
            bytes=total_size,
            by_class=dict(by_class),
            duration_ms=DurationsMs(
                p50=latency_sketch.quantile_ms(buckets, 0.5),
                p95=latency_sketch.quantile_ms(buckets, 0.95),
                p99=latency_sketch.quantile_ms(buckets, 0.99),
            ),
            series=tuple(
                Bucket(start=from_microseconds(minute * MINUTE_US), requests=sum(statuses.values()), by_status=statuses)
                for minute, statuses in series.items()
            ),
            routes=dict(routes),
            networks=networks,
        )


def widened(start: datetime, end: datetime, step: Step) -> tuple[datetime, datetime]:
    """The range of whole steps that is summed for a range; it ends with the last moment that can be written."""
    first, last = (minute * MINUTE_US for minute in _minutes(start, end, step))
    return from_microseconds(first), from_microseconds(min(last, to_microseconds(_LAST)))


def _minutes(start: datetime, end: datetime, step: Step) -> tuple[int, int]:
    """[first, last) minutes of the steps that the range touches."""
    step_us = step.value * MINUTE_US
    return to_microseconds(start) // step_us * step.value, -(-to_microseconds(end) // step_us) * step.value


def _sum(numbers: ColumnElement[int]) -> ColumnElement[int]:
    """A sum as BIGINT: PostgreSQL sums BIGINT to NUMERIC, which is slow to read."""
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)


def _cost(table: Table, *is_wanted: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(_sum(table.c.cost)).where(*is_wanted).scalar_subquery()


def _buckets(tx: Connection, owned: CounterTables, owner: str, first: int, last: int) -> Mapping[int, int]:
    merged: dict[int, int] = {}
    for (sketch,) in tx.execute(union_all(*_sketches(owned, owner, first, last))):
        add_buckets(merged, latency_sketch.from_bytes(sketch))
    return merged


def _sketches(owned: CounterTables, owner: str, first: int, last: int) -> Iterator[Select[Any]]:
    """Queries for the sketches of the hours that the range touches: whole days, and the hours before and after them."""
    start, end = first - first % HOUR_MINUTES, -(-last // HOUR_MINUTES) * HOUR_MINUTES
    first_day, last_day = -(-start // DAY_MINUTES) * DAY_MINUTES, end // DAY_MINUTES * DAY_MINUTES
    hours, days = owned.duration, owned.duration_day
    spans = [(hours, start, first_day), (days, first_day, last_day), (hours, last_day, end)]
    for table, begin, stop in spans if first_day < last_day else [(hours, start, end)]:
        is_within = (table.c.minute >= begin, table.c.minute < stop)
        yield select(table.c.sketch).where(table.c[owned.owner] == owner, *is_within)
