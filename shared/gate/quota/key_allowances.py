"""Allowances of one gate for all its keys while Redis counts for all gates, and what is still to be reported to Redis.

Calls nobody. Each method is one step that no other thread sees half done.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence

from shared.gate.grants.grant import Limits
from shared.gate.quota.key_allowance import KeyAllowance
from shared.gate.quota.memory_quota import Spent, day_of
from shared.gate.quota.redis_counters import Answer, Statement
from shared.gate.quota.share_quota import ShareQuota


class KeyAllowances:
    """`trusted_until`: the elapsed second until which allowances may be spent."""

    def __init__(self) -> None:
        self._by_key: dict[str, KeyAllowance] = {}
        self._used: dict[str, KeyAllowance] = {}
        self._one_at_a_time = threading.Lock()
        self.trusted_until = float("-inf")

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent | None:
        """From the allowance, or refused as Redis has refused before. None: Redis must be asked."""
        with self._one_at_a_time:
            window = self._by_key.get(key_id)
            if window is None or not window.is_for(limits, day_of(now)):
                return None
            if window.standing and window.unreported < window.allowance and elapsed < self.trusted_until:
                window.spend(elapsed)
                self._used[key_id] = window
                return window.admitted(elapsed, now)
            return window.refused(elapsed, now) if elapsed < window.refused_until else None

    def note(self, key_id: str, limits: Limits, elapsed: float, now: float) -> None:
        """Admitted on a share: to be told of when Redis is back."""
        with self._one_at_a_time:
            window = self._window(key_id, limits, elapsed, now)
            window.turn_to(limits, day_of(now))
            window.standing = False
            window.spend(elapsed)
            self._used[key_id] = window

    def ask(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Statement:
        with self._one_at_a_time:
            window = self._window(key_id, limits, elapsed, now)
            self._used[key_id] = window  # told of again, should nobody know what became of this call
            return window.ask(limits, day_of(now))

    def answered(self, key_id: str, asked: Statement, answer: Answer, elapsed: float, now: float) -> Spent:
        with self._one_at_a_time:
            window = self._by_key[key_id]
            window.take(answer, asked, elapsed, now)
            if not window.unreported:
                self._used.pop(key_id, None)
            return window.admitted(elapsed, now) if answer.admitted else window.refused(elapsed, now)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        with self._one_at_a_time:
            window = self._by_key.get(key_id)
            if window is None or not window.is_for(limits, day_of(now)):
                window = KeyAllowance(limits, day_of(now), elapsed)
            return window.refused(elapsed, now) if elapsed < window.refused_until else window.admitted(elapsed, now)

    def take_used(self) -> dict[str, KeyAllowance]:
        """Those that Redis is to be told of."""
        with self._one_at_a_time:
            used, self._used = self._used, {}
            return used

    def put_back(self, used: Iterable[tuple[str, KeyAllowance]]) -> None:
        with self._one_at_a_time:
            self._used = dict(used) | self._used

    def report(
        self, part: Mapping[str, KeyAllowance], elapsed: float, now: float, shares: ShareQuota | None
    ) -> list[Statement]:
        """`shares`: while requests are admitted on these, no allowance is wanted."""
        with self._one_at_a_time:
            if shares is not None and shares.is_past_first_minute(elapsed):
                for key_id, window in part.items():
                    of_late = shares.spent_of_late(key_id, window.limits, elapsed, now)
                    window.unreported = min(window.unreported, of_late)
            return [window.report(wanted=shares is None and not window.is_idle(elapsed)) for window in part.values()]

    def told(
        self,
        part: Mapping[str, KeyAllowance],
        reported: Sequence[Statement],
        answers: Sequence[Answer],
        elapsed: float,
        now: float,
    ) -> None:
        with self._one_at_a_time:
            for (key_id, window), statement, answer in zip(part.items(), reported, answers, strict=True):
                window.take(answer, statement, elapsed, now)
                if statement.is_spending and not answer.standing:
                    # What it spent before it heard this is told next; then nothing is held back for it any more.
                    self._used[key_id] = window

    def close(self, part: Mapping[str, KeyAllowance]) -> None:
        """Nobody knows what Redis holds back for these now."""
        with self._one_at_a_time:
            for window in part.values():
                window.standing = False

    def close_all(self) -> None:
        """No allowance stands any more; Redis will be told, and hold nothing back for them."""
        with self._one_at_a_time:
            standing = {key_id: window for key_id, window in self._by_key.items() if window.standing}
            for window in standing.values():
                window.standing = False
            self._used |= standing

    def forget_idle(self, elapsed: float) -> None:
        """Gives back what keys out of use were allowed, and forgets them the next time."""
        with self._one_at_a_time:
            for key_id, window in list(self._by_key.items()):
                if not window.is_idle(elapsed) or key_id in self._used:
                    continue
                if window.standing:
                    window.standing = False
                    self._used[key_id] = window
                elif elapsed >= window.refused_until:
                    del self._by_key[key_id]

    def _window(self, key_id: str, limits: Limits, elapsed: float, now: float) -> KeyAllowance:
        window = self._by_key.get(key_id)
        if window is None:
            window = self._by_key[key_id] = KeyAllowance(limits, day_of(now), elapsed)
        window.used_at = elapsed
        return window
