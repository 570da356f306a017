"""Clocks, passed as arguments: wall-clock time for records, elapsed time for leases and windows.

What deletes or expires for good goes by `trusted_now`, which stands still while the wall clock is in doubt
(shared/sql/clocks/clock_watch.py): a clock that was set wrong must not be able to end anything. What is to end at a
time to come asks `is_contradicted` first, and is refused: by a wrong clock it would end at another time than was meant.

Elapsed time keeps counting while the machine sleeps: CLOCK_BOOTTIME, or where there is none CLOCK_MONOTONIC, which
does so on macOS. Two readings on one machine may be compared; readings of two machines may not.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockInDoubt(Exception):
    """The wall clock is contradicted, so nothing is given a time to end at."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware and in UTC. For records people read, never for leases."""
        ...

    def trusted_now(self) -> datetime:
        """The wall clock where it is beyond doubt, else when it last was. For what deletes, and expires for good."""
        ...

    def is_contradicted(self) -> bool:
        """Whether another clock, or what it said before, says that the wall clock is wrong."""
        ...

    def elapsed_seconds(self) -> float:
        """Seconds since an arbitrary moment, never stepping back."""
        ...


class SystemClock:
    """The machine's clocks. Nobody watches this one: a service that deletes anything has a ClockWatch."""

    # C functions without a Python wrapper: they are called several times for each request.
    now: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))
    trusted_now = now
    elapsed_seconds: Callable[[], float] = staticmethod(partial(time.clock_gettime, _COUNTS_SLEEP))

    def is_contradicted(self) -> bool:
        return False


class ManualClock:
    """Clock for tests: stands still until `advance` is called."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed_seconds = 1000.0

    def now(self) -> datetime:
        return self._now

    def trusted_now(self) -> datetime:
        return self._now

    def is_contradicted(self) -> bool:
        return False

    def elapsed_seconds(self) -> float:
        return self._elapsed_seconds

    def set_by(self, change: timedelta) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._now += change

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed_seconds += seconds
