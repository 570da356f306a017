"""Sliding-window rate limiter in memory: the exact minute and day limits of one gate.

The law: for every t, admissions in (t - 60 s, t] never exceed the minute limit, and admissions in a UTC day never
exceed the day limit. Both are decided at once; a refusal costs nothing. Minutes go by `elapsed`, seconds of a clock
that never steps back; days by `now`, seconds since 1970 in UTC.
"""

import threading
from array import array
from collections.abc import Iterable
from datetime import date
from math import ceil
from typing import Final, Protocol

from shared.gate.grants.grant import Limits
from shared.values.frozen_struct import FrozenStruct

MINUTE_SECONDS: Final = 60.0
DAY_SECONDS: Final = 86_400
_MINUTE: Final = int(MINUTE_SECONDS)
_DAY_1970: Final = date(1970, 1, 1).toordinal()
_CUT_OFF: Final = 32
_NEVER: Final = float("inf")


class Spent(FrozenStruct, frozen=True, gc=False):
    """A decision and what it left: `*_left` requests, more in `*_reset_seconds`. `day_left` None: unlimited.

    `retry_after_seconds` is 0 when admitted; `violated` names the policies that refused: minute, day.
    """

    admitted: bool
    minute_left: int
    minute_reset_seconds: int
    day_left: int | None
    day_reset_seconds: int
    retry_after_seconds: int = 0
    violated: tuple[str, ...] = ()


class Quota(Protocol):
    """A rate limiter. Called by many threads at once."""

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent: ...

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent: ...

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, now: float) -> None: ...

    def forget_idle(self, elapsed: float, now: float) -> None: ...


class _Window:
    """One key's admissions: the moments of the last minute's, from `first` on, and how many today.

    An array whose past part is cut off now and then: a few bytes for a key that is used little, as most are.
    `oldest`: the first of those moments, infinite if there is none.
    """

    __slots__ = ("day", "day_count", "first", "moments", "oldest")

    def __init__(self, day: int) -> None:
        self.moments: array[float] = array("d")
        self.first, self.oldest = 0, _NEVER
        self.day, self.day_count = day, 0

    def move_to(self, day: int, horizon: float) -> None:
        """Drops moments up to the horizon, and starts a new day. If the day steps back, its count is kept."""
        if self.day < day:
            self.day, self.day_count = day, 0
        moments, first = self.moments, self.first
        end = len(moments)
        while first < end and moments[first] <= horizon:
            first += 1
        if first > _CUT_OFF and 2 * first > end:
            del moments[:first]
            end, first = end - first, 0
        self.first = first
        self.oldest = moments[first] if first < end else _NEVER


class MemoryQuota:
    """Safe to share between the threads of one process, not between processes. `elapsed`: seconds of one clock.

    If a thread comes with an older reading than another before it, the later reading counts.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._latest = float("-inf")
        self._one_at_a_time = threading.Lock()

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """Admits and counts one request, or refuses it and says when to retry."""
        return self._ask(key_id, limits, elapsed, now, 1)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """What `spend` would decide, without counting. `*_left` is as of before."""
        return self._ask(key_id, limits, elapsed, now, 0)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, now: float) -> None:
        """Sets what was spent before this process: the last minute's moments (elapsed seconds), today's count."""
        window = _Window(day_of(now))
        window.moments.extend(sorted(moments))
        window.day_count = day_count
        window.move_to(window.day, -_NEVER)
        with self._one_at_a_time:
            self._windows[key_id] = window

    def forget_idle(self, elapsed: float, now: float) -> None:
        """Drops keys that no decision can depend on any more, so that memory follows the keys in use today."""
        day = day_of(now)
        with self._one_at_a_time:
            for key_id, window in list(self._windows.items()):
                # A later day is kept: its count is needed once a clock that stepped back gets there again.
                nothing_today = window.day < day or not window.day_count
                if nothing_today and (not window.moments or window.moments[-1] <= elapsed - MINUTE_SECONDS):
                    del self._windows[key_id]

    def _ask(self, key_id: str, limits: Limits, elapsed: float, now: float, cost: int) -> Spent:
        """Decides, and counts `cost`. One function without calls for most requests, because each one passes here."""
        day, minute_limit, day_limit = day_of(now), limits.minute, limits.day
        with self._one_at_a_time:
            if elapsed < self._latest:
                elapsed = self._latest
            else:
                self._latest = elapsed
            window = self._windows.get(key_id)
            if window is None:
                window = self._windows[key_id] = _Window(day)
            horizon = elapsed - MINUTE_SECONDS
            if window.oldest <= horizon or window.day < day:
                window.move_to(day, horizon)
            moments = window.moments
            count = len(moments) - window.first
            if count >= minute_limit or (day_limit is not None and window.day_count >= day_limit):
                return _refused(window, count, limits, elapsed, now)
            if cost:
                moments.append(elapsed)
                window.day_count += 1
                if not count:
                    window.oldest = elapsed
                count += 1
            return Spent(
                True,
                minute_limit - count,
                ceil(window.oldest - horizon) or 1 if count else _MINUTE,
                None if day_limit is None else day_limit - window.day_count,
                seconds_to_midnight(now),
            )


def _refused(window: _Window, count: int, limits: Limits, elapsed: float, now: float) -> Spent:
    minute_reset, day_reset = _MINUTE, seconds_to_midnight(now)
    if count and limits.minute > 0:
        # With a lowered limit more than one has to leave before there is room.
        leaves = window.moments[window.first + max(0, count - limits.minute)]
        minute_reset = ceil(leaves + MINUTE_SECONDS - elapsed) or 1
    waits = []
    if count >= limits.minute:
        waits.append(("minute", minute_reset))
    if limits.day is not None and window.day_count >= limits.day:
        waits.append(("day", day_reset))
    return Spent(
        False,
        max(0, limits.minute - count),
        minute_reset,
        None if limits.day is None else max(0, limits.day - window.day_count),
        day_reset,
        retry_after_seconds=max(wait for _, wait in waits),
        violated=tuple(name for name, _ in waits),
    )


def day_of(now: float) -> int:
    """The UTC day's number, as `date.toordinal` has it."""
    return _DAY_1970 + int(now // DAY_SECONDS)


def seconds_to_midnight(now: float) -> int:
    return DAY_SECONDS - int(now % DAY_SECONDS)
