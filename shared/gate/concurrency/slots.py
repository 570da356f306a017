"""Concurrency limiter in memory: the slots of one gate.

The law: at no time do more requests of a key hold a slot than its limit says. A refusal costs nothing.
"""

import threading
from collections.abc import Callable
from typing import Final, Protocol

NONE_LEFT: Final = -1


class Slots(Protocol):
    """A concurrency limiter. Called by many threads at once."""

    def take(self, key_id: str, limit: int, elapsed: float) -> int:
        """Takes a slot, and says how many are left beside it; NONE_LEFT: there was none to take."""
        ...

    def give_back(self, key_id: str) -> None:
        """Ends what `take` began: once for each slot that was taken."""
        ...

    def in_use(self) -> int:
        """How many requests hold one, of all keys."""
        ...


class MemorySlots:
    """Safe to share between the threads of one process, not between processes."""

    def __init__(self) -> None:
        self._in_use: dict[str, int] = {}
        self._one_at_a_time = threading.Lock()

    def take(self, key_id: str, limit: int, elapsed: float) -> int:
        self._one_at_a_time.acquire()  # `with` would cost as much again
        try:
            in_use = self._in_use.get(key_id, 0)
            if in_use >= limit:
                return NONE_LEFT
            self._in_use[key_id] = in_use + 1
            return limit - in_use - 1
        finally:
            self._one_at_a_time.release()

    def give_back(self, key_id: str) -> None:
        self._one_at_a_time.acquire()
        try:
            in_use = self._in_use[key_id] - 1
            if in_use:
                self._in_use[key_id] = in_use
            else:
                del self._in_use[key_id]
        finally:
            self._one_at_a_time.release()

    def in_use(self) -> int:
        with self._one_at_a_time:
            return sum(self._in_use.values())


class ShareSlots(MemorySlots):
    """This gate's share of each key's slots, where nobody counts for all: at least one, so that no key is without."""

    def __init__(self, gates: Callable[[], int]) -> None:
        """`gates`: counts the live gates."""
        super().__init__()
        self._gates = gates

    def take(self, key_id: str, limit: int, elapsed: float) -> int:
        return super().take(key_id, share_of(limit, self._gates()), elapsed)


def share_of(limit: int, gates: int) -> int:
    return max(1, limit // max(1, gates))
