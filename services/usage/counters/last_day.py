"""The last 24 hours of several keys, asked for at once: requests by hour and in the last hour. Reads only.

As many rows as were counted for those keys in that time are read, and no more, however many keys there are.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, FromClause, case, select

from services.usage import tables
from services.usage.counters.counters import KEYS, sum_of
from shared.sql.database import Database
from shared.sql.in_values import in_values
from shared.values.timestamps import MINUTE_US, to_microseconds

HOURS = 25  # the last 24 touch so many
_HOUR_MINUTES = 60
_REFUSED_FROM = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDay:
    """`requests`: by hour, the present one last; `refused`: of these, those refused or failed (4xx, 5xx)."""

    key_id: str
    requests: tuple[int, ...]
    refused: tuple[int, ...]
    in_last_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """`start`: of the first hour. `keys`: those that belong to the organisation and were used in that time."""

    start: datetime
    keys: tuple[KeyDay, ...]


class LastDays:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_keys(self, organisation_id: str, key_ids: Collection[str], now: datetime) -> LastDay:
        present = now.replace(minute=0, second=0, microsecond=0)
        start = present - timedelta(hours=HOURS - 1)
        first, hour_ago = _minute(start), _minute(now - timedelta(hours=1))
        known = tables.known_key
        with self._database.reading() as tx:
            named = select(known.c.key_id, known.c.organisation_id).where(in_values(tx, known.c.key_id, key_ids))
            own = [row.key_id for row in tx.execute(named) if row.organisation_id == organisation_id]
            if not own:
                return LastDay(start=start, keys=())
            counted = KEYS.within(tx, own, first, first + HOURS * _HOUR_MINUTES, _HOUR_MINUTES)
            by_hour = _by_hour(tx, counted)
            minutes = tables.counter.c
            lately = select(minutes.key_id, sum_of(minutes.requests))
            in_last_hour = lately.where(in_values(tx, minutes.key_id, own), minutes.minute > hour_ago).group_by(
                minutes.key_id
            )
            recent: dict[str, int] = dict(map(tuple, tx.execute(in_last_hour)))
        counted_of: dict[str, tuple[list[int], list[int]]] = {}
        for key_id, minute, requests, refused in by_hour:
            of_key = counted_of.get(key_id)
            if of_key is None:
                of_key = counted_of[key_id] = [0] * HOURS, [0] * HOURS
            hour = (minute - first) // _HOUR_MINUTES
            of_key[0][hour], of_key[1][hour] = requests, refused
        days = (
            KeyDay(key_id=key_id, requests=tuple(all_), refused=tuple(refused_), in_last_hour=recent.get(key_id, 0))
            for key_id, (all_, refused_) in sorted(counted_of.items())
        )
        return LastDay(start=start, keys=tuple(days))


def _by_hour(tx: Connection, counted: FromClause) -> list[tuple[str, int, int, int]]:
    hour = (counted.c.minute - counted.c.minute % _HOUR_MINUTES).label("hour")
    is_refused = case((counted.c.status >= _REFUSED_FROM, counted.c.requests), else_=0)
    sums = [
        sum_of(numbers).label(name) for name, numbers in (("requests", counted.c.requests), ("refused", is_refused))
    ]
    rows = tx.execute(select(counted.c.key_id, hour, *sums).group_by(counted.c.key_id, hour))
    return [(key_id, minute, requests, refused) for key_id, minute, requests, refused in rows]


def _minute(moment: datetime) -> int:
    return to_microseconds(moment) // MINUTE_US
