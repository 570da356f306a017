"""Brute-force throttle: a sliding window of invalid keys for each address; past the limit the address is slowed down.

The law, for every address that is remembered: in (t - 60 s, t] at most `limit` invalid keys are answered as such, and
each one more is slowed. What is slowed is not counted, so an address recovers even while it goes on asking. Valid keys
never come here.
"""

import math
import threading
from array import array
from dataclasses import dataclass

from shared.gate.authentication.credential import Guess
from shared.values import ip_addresses

WINDOW_SECONDS = 60.0
LIMIT_DEFAULT = 60
ADDRESSES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedAddress:
    """Invalid keys of one address, slowed or not, since it was last reported. `first`, `last`: elapsed seconds."""

    address: str
    count: int
    first: float
    last: float
    kinds: frozenset[Guess]


class _Watched:
    """One address: the moments of its last counted guesses, a ring buffer once there are `limit` of them."""

    __slots__ = ("first", "kinds", "last", "moments", "oldest", "unreported")

    def __init__(self) -> None:
        self.moments: array[float] = array("d")
        self.oldest = 0
        self.unreported, self.first, self.last = 0, 0.0, 0.0
        self.kinds: set[Guess] = set()

    def newest(self) -> float:
        return self.moments[self.oldest - 1]

    def note(self, kind: Guess, elapsed: float) -> None:
        if not self.unreported:
            self.first = elapsed
        self.unreported += 1
        self.last = elapsed
        self.kinds.add(kind)


class GuessThrottle:
    """Safe to share between the threads of one process, not between processes. `elapsed`: seconds of one clock.

    Remembers `addresses_max` addresses. Those silent for a minute are forgotten first, then the one with the fewest
    guesses, of several such the one that has had so many for longest. To push out an address with n guesses takes
    `addresses_max` others with n guesses each.
    """

    def __init__(self, limit: int = LIMIT_DEFAULT, addresses_max: int = ADDRESSES_MAX) -> None:
        self._limit, self._addresses_max = limit, addresses_max
        self._watched: dict[str, _Watched] = {}  # the one whose last counted guess is oldest comes first
        self._by_guesses: list[dict[str, None]] = [{} for _ in range(limit + 1)]
        self._slowed: dict[str, _Watched] = {}  # not reported yet
        self._latest = float("-inf")
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        return len(self._watched)

    def slow(self, address: str, kind: Guess, elapsed: float) -> int:
        """Notes an invalid key. Returns 0, or the seconds until one from that address is answered as such again."""
        source = ip_addresses.source(address)
        with self._one_at_a_time:
            self._latest = elapsed = max(self._latest, elapsed)
            self._forget_silent(elapsed)
            watched = self._watched.get(source) or self._watch(source)
            watched.note(kind, elapsed)
            is_full = len(watched.moments) == self._limit
            if is_full and watched.moments[watched.oldest] > elapsed - WINDOW_SECONDS:
                if source in self._slowed or len(self._slowed) < self._addresses_max:
                    self._slowed[source] = watched
                return max(1, math.ceil(watched.moments[watched.oldest] + WINDOW_SECONDS - elapsed))
            self._count(source, watched, elapsed, is_full)
            return 0

    def take_slowed(self) -> tuple[SlowedAddress, ...]:
        """Takes the addresses that were slowed since the last call."""
        with self._one_at_a_time:
            slowed, self._slowed = self._slowed, {}
            return tuple(_report(source, watched) for source, watched in slowed.items())

    def _count(self, source: str, watched: _Watched, elapsed: float, is_full: bool) -> None:
        self._by_guesses[len(watched.moments)].pop(source, None)
        if is_full:
            watched.moments[watched.oldest] = elapsed
            watched.oldest = (watched.oldest + 1) % self._limit
        else:
            watched.moments.append(elapsed)
        self._by_guesses[len(watched.moments)][source] = None
        self._watched.pop(source, None)
        self._watched[source] = watched

    def _watch(self, source: str) -> _Watched:
        if len(self._watched) >= self._addresses_max:
            self._forget(next(next(iter(level)) for level in self._by_guesses if level))
        return _Watched()

    def _forget_silent(self, elapsed: float) -> None:
        while self._watched:
            source, watched = next(iter(self._watched.items()))
            if watched.newest() > elapsed - WINDOW_SECONDS:
                return
            self._forget(source)

    def _forget(self, source: str) -> None:
        watched = self._watched.pop(source)
        del self._by_guesses[len(watched.moments)][source]


def _report(source: str, watched: _Watched) -> SlowedAddress:
    report = SlowedAddress(
        address=source,
        count=watched.unreported,
        first=watched.first,
        last=watched.last,
        kinds=frozenset(watched.kinds),
    )
    watched.unreported = 0
    watched.kinds.clear()
    return report
