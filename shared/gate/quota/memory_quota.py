"""Sliding-window rate limiter in memory: the exact minute and day limits of one gate.

The law: for every t, admissions in (t - 60 s, t] never exceed the minute limit, and admissions in a UTC day never
exceed the day limit. Both are decided at once; a refusal costs nothing. Minutes go by `elapsed`, seconds of a clock
that never steps back; days by `now`, seconds since 1970 in UTC, which may be set: each day has a count of its own, so
that none is lost or begun anew when the clock goes there and back.
"""

import threading
from array import array
from collections.abc import Callable, Iterable
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
_OTHER_DAYS: Final = 3
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

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, elapsed: float, now: float) -> None: ...

    def forget_idle(self, elapsed: float) -> None: ...


class _Window:
    """One key's admissions: the moments of the last minute's, from `first` on, and how many on this day and on others.

    An array whose past part is cut off now and then: a few bytes for a key that is used little, as most are.
    `oldest`: the first of those moments, infinite if there is none. `other_days`: (day, count), the latest left last.
    `since`: the elapsed second at which it was made.
    """

    __slots__ = ("day", "day_count", "first", "moments", "oldest", "other_days", "since")

    def __init__(self, day: int, day_count: int, since: float) -> None:
        self.moments: array[float] = array("d")
        self.first, self.oldest = 0, _NEVER
        self.day, self.day_count = day, day_count
        self.other_days: tuple[tuple[int, int], ...] = ()
        self.since = since

    def known_on(self, day: int) -> int | None:
        """How many were admitted on another day; None: not known here."""
        for other, count in self.other_days:
            if other == day:
                return count
        return None

    def turn_to(self, day: int, day_count: int) -> None:
        others = [one for one in self.other_days if one[0] != day]
        self.other_days = (*others, (self.day, self.day_count))[-_OTHER_DAYS:]
        self.day, self.day_count = day, day_count

    def drop(self, horizon: float) -> None:
        """Drops moments up to the horizon. The latest is kept, to tell when the key was last used."""
        moments, first = self.moments, self.first
        end = len(moments)
        while first < end and moments[first] <= horizon:
            first += 1
        if first > _CUT_OFF and 2 * first > end:
            cut = min(first, end - 1)
            del moments[:cut]
            end, first = end - cut, first - cut
        self.first = first
        self.oldest = moments[first] if first < end else _NEVER

    def used_at(self) -> float:
        return self.moments[-1] if self.moments else self.since


class MemoryQuota:
    """Safe to share between the threads of one process, not between processes. `elapsed`: seconds of one clock.

    If a thread comes with an older reading than another before it, the later reading counts. `spent_on`: (key id, day)
    → what was spent then, before this process; asked for days other than the one that was seeded.
    """

    def __init__(self, spent_on: Callable[[str, int], int] | None = None) -> None:
        self._windows: dict[str, _Window] = {}
        self._latest = float("-inf")
        self._spent_on, self._seeded_day = spent_on, -1
        self._one_at_a_time = threading.Lock()

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """Admits and counts one request, or refuses it and says when to retry."""
        return self._ask(key_id, limits, elapsed, now, 1)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """What `spend` would decide, without counting. `*_left` is as of before."""
        return self._ask(key_id, limits, elapsed, now, 0)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, elapsed: float, now: float) -> None:
        """Sets what was spent before this process: the last minute's moments (elapsed seconds), today's count."""
        window = _Window(day_of(now), day_count, elapsed)
        window.moments.extend(sorted(moments))
        window.drop(-_NEVER)
        with self._one_at_a_time:
            self._windows[key_id], self._seeded_day = window, window.day

    def forget_idle(self, elapsed: float) -> None:
        """Drops keys that no decision can depend on any more, so that memory follows the keys in use.

        Those that were not used for as long as a day lasts, by a clock that nobody sets: their days are over.
        """
        with self._one_at_a_time:
            for key_id, window in list(self._windows.items()):
                if window.used_at() <= elapsed - DAY_SECONDS:
                    del self._windows[key_id]
                    self._seeded_day = -1  # what is not known here may have been forgotten

    def _ask(self, key_id: str, limits: Limits, elapsed: float, now: float, cost: int) -> Spent:
        """Decides, and counts `cost`. One function without calls for most requests, because each one passes here."""
        day, minute_limit, day_limit = _DAY_1970 + int(now // DAY_SECONDS), limits.minute, limits.day
        self._one_at_a_time.acquire()  # `with` would cost as much again
        try:
            if elapsed < self._latest:
                elapsed = self._latest
            else:
                self._latest = elapsed
            window = self._windows.get(key_id)
            if window is None:
                # Who spent anything on the day that was seeded has a window.
                before = 0 if day == self._seeded_day else self._spent_before(key_id, day)
                window = self._windows[key_id] = _Window(day, before, elapsed)
            elif window.day != day:
                known = window.known_on(day)
                window.turn_to(day, self._spent_before(key_id, day) if known is None else known)
            horizon = elapsed - MINUTE_SECONDS
            if window.oldest <= horizon:
                window.drop(horizon)
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
                DAY_SECONDS - int(now % DAY_SECONDS),
            )
        finally:
            self._one_at_a_time.release()

    def _spent_before(self, key_id: str, day: int) -> int:
        """On a day that nothing is known of here (any more)."""
        return 0 if self._spent_on is None else self._spent_on(key_id, day)


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
