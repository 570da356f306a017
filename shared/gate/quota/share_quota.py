"""Fallback rate limiter without Redis: each gate takes its share, the limit divided by the number of live gates.

In the first minute on shares, and for what is left of that day, it takes a share of one share: so that all gates
together admit at most one share more than the limit, whatever was admitted before.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import MINUTE_SECONDS, MemoryQuota, Spent, day_of


class ShareQuota:
    """This gate's share of every limit, counted in memory."""

    def __init__(self, gates: Callable[[], int], began: float | None = None) -> None:
        """`gates`: counts the live gates. `began`: the elapsed second until which Redis counted; None: it never did."""
        self._gates, self._began = gates, began
        self._memory = MemoryQuota()
        self._divisor, self._divided_until = 1, float("-inf")
        self._first_day: int | None = None

    def begin(self, elapsed: float) -> None:
        """Starts a first minute on shares: Redis counted until now. Earlier admissions on shares still count."""
        self._began, self._first_day = elapsed, None

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        return self._memory.spend(key_id, self._share(limits, elapsed, now), elapsed, now)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        return self._memory.peek(key_id, self._share(limits, elapsed, now), elapsed, now)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, elapsed: float, now: float) -> None:
        """Sets what all gates have spent before; this one takes its share of that."""
        divisor = self._gates()
        self._memory.seed(key_id, sorted(moments)[::divisor], -(-day_count // divisor), elapsed, now)

    def forget_idle(self, elapsed: float) -> None:
        self._memory.forget_idle(elapsed)

    def spent_of_late(self, key_id: str, limits: Limits, elapsed: float, now: float) -> int:
        """Requests admitted here on shares in the last minute; at most the present share."""
        share = self._share(limits, elapsed, now)
        return share.minute - self._memory.peek(key_id, share, elapsed, now).minute_left

    def is_past_first_minute(self, elapsed: float) -> bool:
        return self._began is None or elapsed >= self._began + MINUTE_SECONDS

    def _share(self, limits: Limits, elapsed: float, now: float) -> Limits:
        gates = self._gates()
        # The largest number of gates in the last minute: one that left may have spent its share just before.
        if gates >= self._divisor or elapsed >= self._divided_until:
            self._divisor, self._divided_until = gates, elapsed + MINUTE_SECONDS
        divisor = self._divisor
        if divisor == 1:
            return limits
        if self._began is None:
            return _part(limits.minute, limits.day, divisor, divisor)
        day = day_of(now)
        if self._first_day is None:
            self._first_day = day
        of_minute = divisor if self.is_past_first_minute(elapsed) else divisor**2
        return _part(limits.minute, limits.day, of_minute, divisor**2 if day == self._first_day else divisor)


@lru_cache(maxsize=1024)
def _part(minute: int, day: int | None, of_minute: int, of_day: int) -> Limits:
    """Cached: each request needs it, and there are few tiers."""
    return Limits(minute=minute // of_minute, day=None if day is None else day // of_day)
