"""Rate limit for log lines: one a minute at most; metrics count every case."""

import threading
import time
from collections.abc import Callable, Hashable

SECONDS = 60.0


class OnceAMinute:
    """Safe to share between threads. What is asked about must be bounded: each is remembered."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, every: float = SECONDS) -> None:
        """`now`: elapsed seconds. `every`: seconds between two lines, where a minute is not enough."""
        self._now, self._every, self._lock = now, every, threading.Lock()
        self._next_at: dict[Hashable, float] = {}
        self._unsaid: dict[Hashable, int] = {}

    def due(self, about: Hashable = None) -> int | None:
        """How many cases the next line stands for, this one among them; None: the last line is not so old."""
        with self._lock:
            cases, now = self._unsaid.get(about, 0) + 1, self._now()
            if now < self._next_at.get(about, float("-inf")):
                self._unsaid[about] = cases
                return None
            self._unsaid[about], self._next_at[about] = 0, now + self._every
            return cases
