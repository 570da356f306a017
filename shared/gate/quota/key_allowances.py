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
    """The allowances by key id. `trusted_until`: the elapsed second until which they may be spent."""

    def __init__(self) -> None:
        self._by_key: dict[str, KeyAllowance] = {}
        self._used: dict[str, KeyAllowance] = {}
        self._one_at_a_time = threading.Lock()
        self.trusted_until = float("-inf")

    def __len__(self) -> int:
        return len(self._by_key)

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent | None:
        """Admits from the allowance, or refuses as Redis did before; None: Redis must be asked."""
        with self._one_at_a_time:
            allowance = self._by_key.get(key_id)
            if allowance is None or not allowance.is_for(limits, day_of(now)):
                return None
            if allowance.standing and allowance.unreported < allowance.size and elapsed < self.trusted_until:
                allowance.spend(elapsed)
                self._used[key_id] = allowance
                return allowance.admitted(elapsed, now)
            return allowance.refused(elapsed, now) if elapsed < allowance.refused_until else None

    def note(self, key_id: str, limits: Limits, elapsed: float, now: float) -> None:
        """Notes a request admitted on a share, to be reported when Redis is back."""
        with self._one_at_a_time:
            allowance = self._allowance(key_id, limits, elapsed, now)
            allowance.turn_to(limits, day_of(now))
            allowance.standing = False
            allowance.spend(elapsed)
            self._used[key_id] = allowance

    def ask(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Statement:
        with self._one_at_a_time:
            allowance = self._allowance(key_id, limits, elapsed, now)
            self._used[key_id] = allowance  # reported again if the outcome of this call stays unknown
            return allowance.ask(limits, day_of(now))

    def answered(self, key_id: str, asked: Statement, answer: Answer, elapsed: float, now: float) -> Spent:
        with self._one_at_a_time:
            allowance = self._by_key[key_id]
            allowance.take(answer, asked, elapsed, now)
            if not allowance.unreported:
                self._used.pop(key_id, None)
            return allowance.admitted(elapsed, now) if answer.admitted else allowance.refused(elapsed, now)

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        with self._one_at_a_time:
            allowance = self._by_key.get(key_id)
            if allowance is None or not allowance.is_for(limits, day_of(now)):
                allowance = KeyAllowance(limits, day_of(now), elapsed)
            if elapsed < allowance.refused_until:
                return allowance.refused(elapsed, now)
            return allowance.admitted(elapsed, now)

    @property
    def are_used(self) -> bool:
        """Whether there is anything to report to Redis."""
        return bool(self._used)

    def take_used(self) -> dict[str, KeyAllowance]:
        """Takes the allowances that are to be reported to Redis."""
        with self._one_at_a_time:
            used, self._used = self._used, {}
            return used

    def put_back(self, used: Iterable[tuple[str, KeyAllowance]]) -> None:
        with self._one_at_a_time:
            self._used = dict(used) | self._used

    def report(
        self, part: Mapping[str, KeyAllowance], elapsed: float, now: float, shares: ShareQuota | None
    ) -> list[Statement]:
        """Statements that report these allowances. `shares`: if set, none is wanted: requests go on shares."""
        with self._one_at_a_time:
            if shares is not None and shares.is_past_first_minute(elapsed):
                for key_id, allowance in part.items():
                    of_late = shares.spent_of_late(key_id, allowance.limits, elapsed, now)
                    allowance.unreported = min(allowance.unreported, of_late)
            return [
                allowance.report(wanted=shares is None and not allowance.is_idle(elapsed))
                for allowance in part.values()
            ]

    def told(
        self,
        part: Mapping[str, KeyAllowance],
        reported: Sequence[Statement],
        answers: Sequence[Answer],
        elapsed: float,
        now: float,
    ) -> None:
        """Applies Redis's answers to a report."""
        with self._one_at_a_time:
            for (key_id, allowance), statement, answer in zip(part.items(), reported, answers, strict=True):
                allowance.take(answer, statement, elapsed, now)
                if statement.is_spending and not answer.standing:
                    # What was spent before this answer is reported next; then Redis reserves nothing for it any more.
                    self._used[key_id] = allowance

    def close(self, part: Mapping[str, KeyAllowance]) -> None:
        """Stops spending these: it is unknown what Redis reserves for them now."""
        with self._one_at_a_time:
            for allowance in part.values():
                allowance.standing = False

    def close_all(self) -> None:
        """Stops spending all allowances. The next report tells Redis, which then reserves nothing for them."""
        with self._one_at_a_time:
            standing = {key_id: allowance for key_id, allowance in self._by_key.items() if allowance.standing}
            for allowance in standing.values():
                allowance.standing = False
            self._used |= standing

    def forget_idle(self, elapsed: float) -> None:
        """Gives back the allowances of idle keys; the next call forgets these keys."""
        with self._one_at_a_time:
            for key_id, allowance in list(self._by_key.items()):
                if not allowance.is_idle(elapsed) or key_id in self._used:
                    continue
                if allowance.standing:
                    allowance.standing = False
                    self._used[key_id] = allowance
                elif elapsed >= allowance.refused_until:
                    del self._by_key[key_id]

    def _allowance(self, key_id: str, limits: Limits, elapsed: float, now: float) -> KeyAllowance:
        allowance = self._by_key.get(key_id)
        if allowance is None:
            allowance = self._by_key[key_id] = KeyAllowance(limits, day_of(now), elapsed)
        allowance.used_at = elapsed
        return allowance
