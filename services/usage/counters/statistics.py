"""Statistics read from the counters: totals, series, latency quantiles, quota used. Reads only."""

import enum
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, Table, select

from services.usage import tables
from services.usage.counters.aggregation import DAY_MINUTES
from services.usage.counters.counters import KEYS, ORGANISATIONS, CounterTables, sum_of
from services.usage.counters.keys_compared import KeysCompared, compare, used_keys
from services.usage.counters.question_bounds import BOUNDS, Bounds, Question, keys_at_once
from services.usage.counters.summary import Summary, Sums
from shared.contracts.usage import Spent
from shared.sql.database import Database
from shared.sql.dialect_functions import database_time
from shared.values.timestamps import MINUTE_US, from_microseconds, midnight, to_microseconds

_DAY_1970 = date(1970, 1, 1).toordinal()
_LAST = datetime.max.replace(tzinfo=UTC)


class Step(enum.Enum):
    """Width of a series' buckets, in minutes."""

    MINUTE = 1
    HOUR = 60
    DAY = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Quota used: in the last 60 s, today (UTC), and in the last hour (today or not, to the minute)."""

    minute: int
    day: int
    hour: int


class Statistics:
    """Questions of ranges raise InvalidArguments where they are too wide."""

    def __init__(self, database: Database, bounds: Bounds = BOUNDS) -> None:
        self._database, self._bounds = database, bounds

    def summary(self, key_id: str, start: datetime, end: datetime, step: Step) -> Summary:
        """Requests in [start, end), widened to whole steps; buckets without requests are left out."""
        question = Question(self._database, self._bounds, *_minutes(start, end, step))
        return _summary(question, KEYS, key_id, step)

    def of_organisation(self, organisation_id: str, start: datetime, end: datetime, step: Step) -> Summary:
        """The same for all keys of an organisation, deleted ones included."""
        question = Question(self._database, self._bounds, *_minutes(start, end, step))
        return _summary(question, ORGANISATIONS, organisation_id, step)

    def is_wide(self, start: datetime, end: datetime, step: Step) -> bool:
        """Whether a range is read in several parts."""
        return Question(self._database, self._bounds, *_minutes(start, end, step)).is_wide

    def is_wide_of_keys(self, organisation_id: str, start: datetime, end: datetime, step: Step) -> bool:
        """The same where the organisation's keys are compared. It looks for no more keys than a narrow one reads."""
        first, last = _minutes(start, end, step)
        at_once = keys_at_once(last - first, step.value)
        return at_once == 0 or len(self._used_keys(organisation_id, first, last, at_once + 1)) > at_once

    def by_key(self, organisation_id: str, start: datetime, end: datetime, step: Step) -> KeysCompared:
        """Of the organisation's keys, without deleted ones; the range is widened to whole steps."""
        first, last = _minutes(start, end, step)
        used = self._used_keys(organisation_id, first, last)
        question = Question(self._database, self._bounds, first, last, len(used), step.value)
        return compare(question, organisation_id, used, step.value)

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

    def spent(self, at: datetime | None = None) -> tuple[Spent, ...]:
        """What each key has spent today and in the last 60 s, for a gate that starts with empty counters.

        `at` None: by the database's clock, as gates judge. What a clock that was ahead has dated later is left out: it
        is of other days, and would fill the minute until then.
        """
        request, counter, minute = tables.request.c, tables.counter_day.c, timedelta(seconds=60)
        with self._database.reading() as tx:
            now = at or database_time(tx)
            is_today = counter.minute == to_microseconds(midnight(now)) // MINUTE_US
            today = tx.execute(select(counter.key_id, counter.cost).where(is_today)).all()
            after, until = to_microseconds(now - minute), to_microseconds(now + minute)
            is_recent = request.cost > 0, request.at > after, request.at <= until
            recent = tx.execute(select(request.key_id, request.at).where(*is_recent)).all()
        seconds_ago: dict[str, list[float]] = defaultdict(list)
        for row in recent:
            seconds_ago[row.key_id].append(max(0.0, (now - from_microseconds(row.at)).total_seconds()))
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

    def _used_keys(self, organisation_id: str, first: int, last: int, limit: int | None = None) -> list[str]:
        with self._database.reading(once=True) as tx:
            return used_keys(tx, organisation_id, first, last, limit)


def _summary(question: Question, owned: CounterTables, owner: str, step: Step) -> Summary:
    sums = Sums()
    question.narrow(lambda tx: owned.days_kept(tx, owner))
    for first, last in question.parts():
        with question.reading() as tx:
            question.count(sums.add(tx, owned, owner, first, last, step.value))
    return sums.summary()


def widened(start: datetime, end: datetime, step: Step) -> tuple[datetime, datetime]:
    """The range of whole steps that is summed for a range; it ends with the last moment that can be written."""
    first, last = (minute * MINUTE_US for minute in _minutes(start, end, step))
    return from_microseconds(first), from_microseconds(min(last, to_microseconds(_LAST)))


def _minutes(start: datetime, end: datetime, step: Step) -> tuple[int, int]:
    """[first, last) minutes of the steps that the range touches."""
    step_us = step.value * MINUTE_US
    return to_microseconds(start) // step_us * step.value, -(-to_microseconds(end) // step_us) * step.value


def _cost(table: Table, *is_wanted: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(sum_of(table.c.cost)).where(*is_wanted).scalar_subquery()
