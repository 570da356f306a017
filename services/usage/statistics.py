"""What the counters say about a key. Reads only."""

import enum
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from services.usage import tables
from services.usage.moments import microseconds, moment
from shared.contracts.usage import Spent
from shared.database import Database

_MINUTE_US = 60_000_000


class Step(enum.Enum):
    """Buckets of a series; the values are minutes."""

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
class Summary:
    total: int
    series: tuple[Bucket, ...]
    routes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Of the quota: in the last 60 s, and today (UTC)."""

    minute: int
    day: int


class Statistics:
    def __init__(self, database: Database) -> None:
        self._database = database

    def summary(self, key_id: str, start: datetime, end: datetime, step: Step) -> Summary:
        """Requests in [start, end), by whole minutes; buckets without requests are left out."""
        counter = tables.counter
        bucket = (counter.c.minute - counter.c.minute % step.value).label("bucket")
        query = (
            select(bucket, counter.c.route, counter.c.status, func.sum(counter.c.requests).label("requests"))
            .where(
                counter.c.key_id == key_id,
                counter.c.minute >= microseconds(start) // _MINUTE_US,
                counter.c.minute < -(-microseconds(end) // _MINUTE_US),
            )
            .group_by(bucket, counter.c.route, counter.c.status)
            .order_by(bucket)
        )
        by_bucket: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        routes: dict[str, int] = defaultdict(int)
        with self._database.reading() as tx:
            for row in tx.execute(query):
                by_bucket[row.bucket][str(row.status)] += row.requests
                routes[row.route] += row.requests
        return Summary(
            total=sum(routes.values()),
            series=tuple(
                Bucket(start=moment(minute * _MINUTE_US), requests=sum(statuses.values()), by_status=dict(statuses))
                for minute, statuses in by_bucket.items()
            ),
            routes=dict(routes),
        )

    def used(self, key_id: str, now: datetime) -> Used:
        request, counter = tables.request, tables.counter
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._database.reading() as tx:
            minute = tx.execute(
                select(func.coalesce(func.sum(request.c.cost), 0)).where(
                    request.c.key_id == key_id, request.c.at > microseconds(now - timedelta(seconds=60))
                )
            ).scalar_one()
            day = tx.execute(
                select(func.coalesce(func.sum(counter.c.cost), 0)).where(
                    counter.c.key_id == key_id, counter.c.minute >= microseconds(midnight) // _MINUTE_US
                )
            ).scalar_one()
        return Used(minute=minute, day=day)

    def spent(self, now: datetime) -> tuple[Spent, ...]:
        """What every key has spent of today and of the last minute: for a gate that starts with empty counters."""
        request, counter = tables.request, tables.counter
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._database.reading() as tx:
            today = tx.execute(
                select(counter.c.key_id, func.sum(counter.c.cost).label("cost"))
                .where(counter.c.minute >= microseconds(midnight) // _MINUTE_US)
                .group_by(counter.c.key_id)
            ).all()
            recent = tx.execute(
                select(request.c.key_id, request.c.at).where(
                    request.c.cost > 0, request.c.at > microseconds(now - timedelta(seconds=60))
                )
            ).all()
        seconds_ago: dict[str, list[float]] = defaultdict(list)
        for row in recent:
            seconds_ago[row.key_id].append((now - moment(row.at)).total_seconds())
        days = {row.key_id: int(row.cost) for row in today}
        return tuple(
            Spent(key_id=key_id, today=days.get(key_id, 0), seconds_ago=tuple(seconds_ago.get(key_id, ())))
            for key_id in days.keys() | seconds_ago.keys()
        )
