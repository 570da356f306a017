"""The limits of one gate, in memory and exact.

The law: for every t, admissions in (t - 60 s, t] never exceed the minute limit, and admissions in a UTC day never
exceed the day limit. Both are decided at once; a refusal costs nothing.
"""

import math
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.gate.grants import Limits

MINUTE_SECONDS = 60.0
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Spent:
    """What a decision left. `*_left` after it, `*_reset_seconds` until more is left, None where unlimited.

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
    """What a gate asks before it admits; called by many threads at once."""

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: datetime) -> Spent: ...

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: datetime) -> Spent: ...

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, now: datetime) -> None: ...

    def forget_idle(self, elapsed: float, now: datetime) -> None: ...


class _Window:
    """One key's admissions: the moments of the last minute's, and how many today."""

    __slots__ = ("day", "day_count", "moments")

    def __init__(self, day: int) -> None:
        self.moments: deque[float] = deque()
        self.day, self.day_count = day, 0


class MemoryQuota:
    """Shared by the threads of one process, not between processes. `elapsed` arguments are seconds of one clock.

    A thread may come with a reading older than another's before it: it is then decided as of the later one.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._latest = float("-inf")
        self._one_at_a_time = threading.Lock()

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: datetime) -> Spent:
        """Admits and counts one request, or says what stands in its way."""
        return self._ask(key_id, limits, elapsed, now, cost=1)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: datetime) -> Spent:
        """How things stand, at no cost."""
        return self._ask(key_id, limits, elapsed, now, cost=0)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, now: datetime) -> None:
        """What was spent before this process started: moments of the last minute (elapsed seconds), and today."""
        window = _Window(_day(now))
        window.moments.extend(sorted(moments))
        window.day_count = day_count
        with self._one_at_a_time:
            self._windows[key_id] = window

    def forget_idle(self, elapsed: float, now: datetime) -> None:
        """Drops what no decision could need any more, so that memory follows the keys in use today."""
        day = _day(now)
        with self._one_at_a_time:
            for key_id, window in list(self._windows.items()):
                # Not a day that is still to come: its count is needed when a clock that stepped back gets there.
                nothing_today = window.day < day or not window.day_count
                if nothing_today and (not window.moments or window.moments[-1] <= elapsed - MINUTE_SECONDS):
                    del self._windows[key_id]

    def _ask(self, key_id: str, limits: Limits, elapsed: float, now: datetime, cost: int) -> Spent:
        with self._one_at_a_time:
            self._latest = elapsed = max(self._latest, elapsed)
            return self._decide(self._window(key_id, elapsed, now), limits, elapsed, now, cost)

    def _window(self, key_id: str, elapsed: float, now: datetime) -> _Window:
        day = _day(now)
        window = self._windows.get(key_id)
        if window is None:
            window = self._windows[key_id] = _Window(day)
        elif window.day < day:
            # A day that seems to step back keeps its count: never admit twice for one day.
            window.day, window.day_count = day, 0
        moments, horizon = window.moments, elapsed - MINUTE_SECONDS
        while moments and moments[0] <= horizon:
            moments.popleft()
        return window

    def _decide(self, window: _Window, limits: Limits, elapsed: float, now: datetime, cost: int) -> Spent:
        moments = window.moments
        minute_full = len(moments) >= limits.minute
        day_full = limits.day is not None and window.day_count >= limits.day
        admitted = not (minute_full or day_full)
        if admitted and cost:
            moments.append(elapsed)
            window.day_count += 1
        day_reset = _seconds_to_midnight(now)
        minute_reset = _seconds_until_room(moments, limits.minute, elapsed)
        if admitted:
            return Spent(
                True, limits.minute - len(moments), minute_reset, _left(limits.day, window.day_count), day_reset
            )
        waits = ((minute_full, "minute", minute_reset), (day_full, "day", day_reset))
        return Spent(
            False,
            max(0, limits.minute - len(moments)),
            minute_reset,
            _left(limits.day, window.day_count),
            day_reset,
            retry_after_seconds=max(wait for full, _, wait in waits if full),
            violated=tuple(name for full, name, _ in waits if full),
        )


def _seconds_until_room(moments: "deque[float]", limit: int, elapsed: float) -> int:
    """Whole seconds until one more fits (full) or the oldest admission leaves the window (not full)."""
    if not moments or limit <= 0:
        return int(MINUTE_SECONDS)
    # With a lowered limit more than one has to leave first.
    leaves = moments[max(0, len(moments) - limit)]
    return max(1, math.ceil(leaves + MINUTE_SECONDS - elapsed))


def _left(limit: int | None, count: int) -> int | None:
    return None if limit is None else max(0, limit - count)


def _day(now: datetime) -> int:
    return int(now.timestamp()) // DAY_SECONDS


def _seconds_to_midnight(now: datetime) -> int:
    return DAY_SECONDS - int(now.astimezone(UTC).timestamp()) % DAY_SECONDS
