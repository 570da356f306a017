"""Slots that one of many gates holds for its keys: which of them are in use, and which it gives back.

Calls nobody. Each method is one step that no other thread sees half done.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

IDLE_SECONDS = 1.0
# A refusal that all gates together made is believed for so long: who is refused may ask again at once, and often.
REFUSED_SECONDS = 0.05
# Where somebody was refused so short a time ago, what ends here is for the next caller here.
_WANTED_SECONDS = 0.25
# So much of a limit all gates together may hold idle: what one of them holds, others cannot be granted.
_IDLE_PART = 4
# So much of a limit all gates together hold before what is idle goes back at once, and not after a second.
_NEAR_PART = 4
# What is held is said again now and then: Redis forgets a key of which nobody spoke for a day.
RESTATED_SECONDS = 3600.0


class Statement(NamedTuple):
    """A gate's word on one key: it holds so many slots, which are all that it holds, and wants so many more."""

    held: int
    wanted: int
    limit: int


class Answer(NamedTuple):
    """`granted` more slots. `others`: what all other gates hold."""

    granted: int
    others: int


class _Key:
    """`most`: of `in_use` since `seen_at`. `told`: how many all gates know that it holds, since `told_at`. In elapsed
    seconds: `used_at`, `refused_until`, `seen_at`, `told_at`.
    """

    __slots__ = ("held", "in_use", "limit", "most", "others", "refused_until", "seen_at", "told", "told_at", "used_at")

    def __init__(self, elapsed: float) -> None:
        self.in_use = self.held = self.told = self.most = self.others = self.limit = 0
        self.used_at = self.seen_at = self.told_at = elapsed
        self.refused_until = float("-inf")

    @property
    def is_near(self) -> bool:
        """As far as is known here, so much is held by all that others may soon find none left."""
        return self.others + self.held > self.limit // _NEAR_PART


class HeldSlots:
    """`trusted_until`: the elapsed second until which slots that are held may be used unasked."""

    def __init__(self, gates: Callable[[], int]) -> None:
        """`gates`: counts the live gates."""
        self._gates = gates
        self._by_key: dict[str, _Key] = {}
        self._one_at_a_time = threading.Lock()
        self.trusted_until = float("-inf")

    def __len__(self) -> int:
        """Keys of which something is held, or was shortly before."""
        return len(self._by_key)

    def take(self, key_id: str, limit: int, elapsed: float) -> int | None:
        """A slot that is held: how many are left beside it; -1: none for some moments yet; None: all must be asked."""
        self._one_at_a_time.acquire()  # `with` would cost as much again, and here each request comes
        try:
            key = self._by_key.get(key_id)
            if key is None or elapsed >= self.trusted_until:
                return None
            if key.in_use < key.held and key.in_use < limit:
                self._use(key, elapsed)
                left = limit - key.others - key.in_use
                return left if left > 0 else 0
            return -1 if elapsed < key.refused_until else None
        finally:
            self._one_at_a_time.release()

    def take_share(self, key_id: str, share: int, elapsed: float) -> int:
        """A slot of this gate's share, while nobody counts for all: how many are left of it; -1: none."""
        with self._one_at_a_time:
            key = self._key(key_id, elapsed)
            if key.in_use >= share:
                return -1
            self._use(key, elapsed)
            return share - key.in_use

    def give_back(self, key_id: str, elapsed_seconds: Callable[[], float]) -> bool:
        """Whether all gates must hear of it at once: near a small limit none is held idle that nobody here wants."""
        self._one_at_a_time.acquire()
        try:
            key = self._by_key[key_id]
            key.in_use -= 1
            if key.others + key.held <= key.limit // _NEAR_PART or key.held <= key.in_use:
                return False
            return elapsed_seconds() >= key.refused_until + _WANTED_SECONDS and not self._kept(key)
        finally:
            self._one_at_a_time.release()

    def ask(self, key_id: str, limit: int, elapsed: float) -> Statement:
        """For one slot more than are held, and some beside it."""
        with self._one_at_a_time:
            key = self._key(key_id, elapsed)
            key.limit = limit
            return Statement(key.held, max(1, key.in_use + 1 - key.held) + self._kept(key), limit)

    def answered(self, key_id: str, asked: Statement, answer: Answer, elapsed: float) -> int:
        """Takes a slot of what was granted: how many are left beside it; -1: none."""
        with self._one_at_a_time:
            key = self._by_key[key_id]
            key.held = key.told = asked.held + answer.granted
            key.others, key.told_at = answer.others, elapsed
            if key.in_use < key.held and key.in_use < asked.limit:
                self._use(key, elapsed)
                return max(0, asked.limit - key.others - key.in_use)
            key.refused_until = elapsed + REFUSED_SECONDS
            return -1

    def idle(self, elapsed: float) -> list[str]:
        """Keys whose slots all gates must hear of. What was not used for IDLE_SECONDS, but a few, is held no more; near
        the limit, what was not used since the last look. What was taken as a share and is in use is held from now on.

        Forgets keys of which nothing is held: call it while nobody asks for one.
        """
        due = []
        with self._one_at_a_time:
            for key_id, key in list(self._by_key.items()):
                self._give_up_idle(key, elapsed)
                if key.held != key.told or (key.held and elapsed - key.told_at >= RESTATED_SECONDS):
                    due.append(key_id)
                elif not (key.held or key.in_use):
                    del self._by_key[key_id]
        return due

    def _give_up_idle(self, key: _Key, elapsed: float) -> None:
        if elapsed - key.used_at >= IDLE_SECONDS:
            wanted = key.in_use
        elif key.is_near or elapsed - key.seen_at >= IDLE_SECONDS:
            wanted = max(key.most, key.in_use + self._kept(key))
        else:
            wanted = key.held
        if wanted != key.held or elapsed - key.seen_at >= IDLE_SECONDS or key.is_near:
            key.most, key.seen_at = key.in_use, elapsed
        key.held = max(key.in_use, min(key.held, wanted))

    def stated(self, key_ids: Iterable[str]) -> dict[str, Statement]:
        """What is held of them now."""
        with self._one_at_a_time:
            return {key_id: Statement(key.held, 0, 0) for key_id in key_ids if (key := self._by_key.get(key_id))}

    def without_idle(self, key_id: str) -> dict[str, Statement]:
        """Holds what is in use of it, and no more. Empty where that was told by another meanwhile."""
        with self._one_at_a_time:
            key = self._by_key.get(key_id)
            if key is None:
                return {}
            key.held = key.in_use
            return {key_id: Statement(key.held, 0, 0)} if key.held != key.told else {}

    def told(self, statements: Mapping[str, Statement], elapsed: float) -> None:
        """All gates know them now."""
        with self._one_at_a_time:
            for key_id, statement in statements.items():
                if (key := self._by_key.get(key_id)) is not None:
                    key.told, key.told_at = statement.held, elapsed

    def count_in_use(self) -> int:
        with self._one_at_a_time:
            return sum(key.in_use for key in self._by_key.values())

    def in_use(self) -> dict[str, Statement]:
        """What is in use, and no more than that is held from now on: for those who know nothing of this gate."""
        with self._one_at_a_time:
            for key in self._by_key.values():
                key.held = key.told = key.in_use
            return {key_id: Statement(key.in_use, 0, 0) for key_id, key in self._by_key.items() if key.in_use}

    def _key(self, key_id: str, elapsed: float) -> _Key:
        key = self._by_key.get(key_id)
        if key is None:
            key = self._by_key[key_id] = _Key(elapsed)
        return key

    def _kept(self, key: _Key) -> int:
        """How many may be held idle for some moments."""
        return key.limit // (_IDLE_PART * max(1, self._gates()))

    @staticmethod
    def _use(key: _Key, elapsed: float) -> None:
        key.in_use += 1
        key.used_at = elapsed
        if key.in_use > key.most:
            key.most = key.in_use
