"""Queries for measurements: quota spent, recent failures, hourly volume; for many keys at once.

The 60 s of a limit are summed exactly only where the counters since the last exact sum may have reached a threshold. So
a key far from its limits costs one read of two of its minutes.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from sqlalchemy import Column, ColumnElement, Connection, Select, bindparam, case, func, select

from services.usage import tables as usage_tables
from services.usage.alerting import tables
from services.usage.alerting.evaluation.observation import UNAUTHORIZED, Observation
from shared.gate.grants.grant import Limits
from shared.sql.in_values import is_wanted, listed
from shared.values.timestamps import MINUTE_US

_DAY_MINUTES = 1440
_FAILED = 400
RECENT_MINUTES, BASELINE_HOURS = 5, 7 * 24
_MEMORY_MAX = 100_000
# Until gates share one count, a key may spend its minute's limit at each of them.
_GATES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """An exact sum up to a minute. `counted`: the counters of the minute before and of that minute at that time."""

    used: int
    minute: int
    counted: tuple[int, int] = (0, 0)


class Spending:
    """Quota spent by keys, read only where it may have reached the need of a rule. Caches the last sums."""

    def __init__(self) -> None:
        # An evicted entry costs a needless query, never a missed one.
        self._minutes: LRUCache[str, _Sum] = LRUCache(_MEMORY_MAX)
        self._days: LRUCache[str, _Sum] = LRUCache(_MEMORY_MAX)

    def in_minute(self, tx: Connection, asked: Mapping[str, Observation], need: Mapping[str, int]) -> dict[str, int]:
        """key → spent in the 60 s up to its observation. `asked`: key → observation; `need`: key → requests.

        Leaves out keys that cannot have reached their need.
        """
        costs = _by_minute(tx, (asked[key_id] for key_id in need), 2)
        found: dict[str, int] = {}
        for key_id, least in need.items():
            observation = asked[key_id]
            now = costs.get((key_id, observation.minute), 0)
            before = costs.get((key_id, observation.minute - 1), 0)
            if min(self._at_most(key_id, observation.minute, before, now), before + now) < least:
                continue
            found[key_id], beyond = _exact(tx, observation)
            known = _Sum(used=found[key_id] + beyond, minute=observation.minute, counted=(before, now))
            self._minutes[key_id] = known
        return found

    def in_day(
        self,
        tx: Connection,
        asked: Mapping[str, Observation],
        need: Mapping[str, int],
        limits: Mapping[str, Limits],
        minute: int,
    ) -> dict[str, int]:
        """key → spent in the UTC day of its observation, for keys that may have reached their need. `minute`: now."""
        due = [key_id for key_id, least in need.items() if self._is_due(asked[key_id], least, limits[key_id], minute)]
        found: dict[str, int] = {}
        for day, keys in _grouped({key_id: asked[key_id].minute // _DAY_MINUTES for key_id in due}).items():
            first = day * _DAY_MINUTES
            found |= dict.fromkeys(keys, 0) | _costs(tx, keys, first, first + _DAY_MINUTES - 1)
        for key_id, used in found.items():
            self._days[key_id] = _Sum(used=used, minute=asked[key_id].minute)
        return found

    def _at_most(self, key_id: str, minute: int, before: int, now: int) -> int:
        last = self._minutes.get(key_id)
        if last is not None and last.minute == minute:
            return last.used + before - last.counted[0] + now - last.counted[1]
        if last is not None and last.minute == minute - 1:
            return last.used + before - last.counted[1] + now
        return before + now

    def _is_due(self, observation: Observation, least: int, limits: Limits, minute: int) -> bool:
        """Whether the day's sum may have reached `least`; always so for late observations, which come in bulk."""
        last = self._days.get(observation.key_id)
        if (
            last is None
            or last.minute // _DAY_MINUTES != observation.minute // _DAY_MINUTES
            or observation.minute < minute - 2
        ):
            return True
        minutes = observation.minute - last.minute + 1
        return last.used + minutes * limits.minute * _GATES_MAX >= least


def recent(tx: Connection, asked: Mapping[str, Observation]) -> dict[str, tuple[int, int]]:
    """key → (requests, failed requests) of the five minutes that end with the minute of its observation.

    Without those answered 401: a caller with a dead secret says nothing about the key's own requests.
    """
    found = {}
    for minute, keys in _grouped({key_id: observation.minute for key_id, observation in asked.items()}).items():
        for key_id, requests, failures in _sums(tx, _failures, keys, minute - RECENT_MINUTES + 1, minute):
            found[key_id] = (int(requests), int(failures))
    return found


def last_hour(tx: Connection, asked: Mapping[str, Observation]) -> dict[str, int]:
    """key → requests of the 60 minutes that end with the minute of its observation."""
    found: dict[str, int] = {}
    for minute, keys in _grouped({key_id: observation.minute for key_id, observation in asked.items()}).items():
        found |= {key_id: int(requests) for key_id, requests in _sums(tx, _requests, keys, minute - 59, minute)}
    return found


def mean_hours(tx: Connection, asked: Mapping[str, Observation]) -> dict[str, float]:
    """key → mean requests of the hours in which it was used, over seven days. Without keys used for less than a day.

    The last two hours are left out: they are what is compared with the mean.
    """
    found: dict[str, float] = {}
    for hour, keys in _grouped({key_id: observation.minute // 60 for key_id, observation in asked.items()}).items():
        for key_id, requests, hours, first in _sums(tx, _hours, keys, hour - 1 - BASELINE_HOURS, hour - 2):
            if first <= hour - 24:
                found[key_id] = int(requests) / hours
    return found


def _exact(tx: Connection, observation: Observation) -> tuple[int, int]:
    """(spent in the 60 s up to the observation, spent after it in the same minute, which the counters may include)."""
    table = usage_tables.request
    end = (observation.minute + 1) * MINUTE_US
    window = (table.c.at > observation.last_at - MINUTE_US, table.c.at < end)
    used = func.sum(case((table.c.at <= observation.last_at, table.c.cost), else_=0))
    query = select(func.coalesce(used, 0), func.coalesce(func.sum(table.c.cost), 0))
    within, all_of_it = tx.execute(query.where(table.c.key_id == observation.key_id, *window)).one()
    return int(within), int(all_of_it) - int(within)


def _by_minute(tx: Connection, asked: Iterable[Observation], minutes: int) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for minute, keys in _grouped({observation.key_id: observation.minute for observation in asked}).items():
        for key_id, at, cost in _sums(tx, _minute_costs, keys, minute - minutes + 1, minute):
            found[key_id, at] = int(cost)
    return found


def _costs(tx: Connection, keys: Iterable[str], first: int, last: int) -> dict[str, int]:
    return {key_id: int(cost) for key_id, cost in _sums(tx, _all_costs, keys, first, last)}


def _sums(
    tx: Connection, query: Callable[[str], Select[Any]], keys: Iterable[str], first: int, last: int
) -> Sequence[Any]:
    """`query`: made once for each dialect. `first`, `last`: of the steps that are summed."""
    dialect = tx.dialect.name
    return tx.execute(query(dialect), {"wanted": listed(dialect, keys), "first": first, "last": last}).all()


@functools.cache
def _failures(dialect: str) -> Select[Any]:
    counter = usage_tables.counter.c
    failed = func.sum(case((counter.status >= _FAILED, counter.requests), else_=0))
    query = _of_keys(dialect, counter.minute, func.sum(counter.requests), failed)
    return query.where(counter.status != UNAUTHORIZED)


@functools.cache
def _requests(dialect: str) -> Select[Any]:
    counter = usage_tables.counter.c
    return _of_keys(dialect, counter.minute, func.sum(counter.requests))


@functools.cache
def _minute_costs(dialect: str) -> Select[Any]:
    counter = usage_tables.counter.c
    return _of_keys(dialect, counter.minute, counter.minute, func.sum(counter.cost)).group_by(counter.minute)


@functools.cache
def _all_costs(dialect: str) -> Select[Any]:
    counter = usage_tables.counter.c
    return _of_keys(dialect, counter.minute, func.sum(counter.cost))


@functools.cache
def _hours(dialect: str) -> Select[Any]:
    hours = tables.key_hour.c
    return _of_keys(dialect, hours.hour, func.sum(hours.requests), func.count(), func.min(hours.hour))


def _of_keys(dialect: str, step: Column[int], *told: ColumnElement[Any]) -> Select[Any]:
    """key and what is `told` of it, by key, in the steps from `first` to `last`."""
    key_id = step.table.c.key_id
    within = step >= bindparam("first"), step <= bindparam("last")
    return select(key_id, *told).where(is_wanted(dialect, key_id), *within).group_by(key_id)


def _grouped(by_key: Mapping[str, int]) -> dict[int, list[str]]:
    """Keys by their common value, so that one query covers all keys with the same one."""
    groups: dict[int, list[str]] = {}
    for key_id, common in by_key.items():
        groups.setdefault(common, []).append(key_id)
    return groups
