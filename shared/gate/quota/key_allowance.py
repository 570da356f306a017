"""One gate's allowance for one key while Redis counts for all gates: what it may spend, what it has spent."""

import math

from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import MINUTE_SECONDS, Spent, seconds_to_midnight
from shared.gate.quota.redis_counters import Answer, Statement

# A gate may spend 1/128 of a key's limit before it tells Redis. More parts: more calls for keys in heavy use. Fewer:
# a larger part of the limit is held by one gate, and no other can have it.
ALLOWANCE_PARTS = 128


def allowance_of(limits: Limits) -> int:
    """Requests that a gate may admit before it tells Redis; 0: it asks for each request."""
    return (limits.minute if limits.day is None else min(limits.minute, limits.day)) // ALLOWANCE_PARTS


class KeyAllowance:
    """One key's allowance and counts. `size`: requests that may be spent unreported, if `standing`.

    `unreported`, `unreported_today`: spent here, and not certainly counted in Redis. `minute`, `today`: counted by all
    gates, as of Redis's last answer. In elapsed seconds: `answered_at`, `oldest_leaves_at`, `refused_until`, `used_at`.
    """

    __slots__ = (
        "answered_at",
        "day",
        "limits",
        "minute",
        "oldest_leaves_at",
        "refused_until",
        "size",
        "standing",
        "today",
        "unreported",
        "unreported_today",
        "used_at",
        "violated",
    )

    def __init__(self, limits: Limits, day: int, elapsed: float) -> None:
        self.limits, self.day, self.size = limits, day, allowance_of(limits)
        self.unreported = self.unreported_today = 0
        self.minute = self.today = 0
        self.standing = False
        self.used_at = elapsed
        self.answered_at = self.oldest_leaves_at = self.refused_until = float("-inf")
        self.violated: tuple[str, ...] = ()

    def is_for(self, limits: Limits, day: int) -> bool:
        return self.day == day and (self.limits is limits or self.limits == limits)

    def turn_to(self, limits: Limits, day: int) -> None:
        """Changes to these limits and this day; another allowance or refusal than theirs is void."""
        if not self.is_for(limits, day):
            self.standing, self.refused_until = False, float("-inf")
        if day != self.day:
            self.day, self.today, self.unreported_today = day, 0, 0
        self.limits, self.size = limits, allowance_of(limits)

    def spend(self, elapsed: float) -> None:
        self.unreported += 1
        self.unreported_today += 1
        self.used_at = elapsed

    def is_idle(self, elapsed: float) -> bool:
        return self.used_at <= elapsed - MINUTE_SECONDS

    def ask(self, limits: Limits, day: int) -> Statement:
        """Stops spending the allowance; a statement that reports what was spent and asks for one request."""
        spent_today, spent_day = self.unreported_today, self.day
        self.turn_to(limits, day)
        self.standing = False
        return self._statement(self.size, spent_today, spent_day, asked_day=day)

    def report(self, *, wanted: bool) -> Statement:
        """A statement that only reports. `wanted`: whether to ask for an allowance."""
        return self._statement(self.size if wanted else 0, self.unreported_today, self.day, asked_day=-1)

    def take(self, answer: Answer, stated: Statement, elapsed: float, now: float) -> None:
        """Applies Redis's answer to a statement. `elapsed`, `now`: read after the answer came."""
        self.unreported -= stated.spent
        if stated.spent_day == self.day:
            self.unreported_today -= min(stated.spent_today, self.unreported_today)
        self.minute, self.today = answer.minute, answer.day
        self.answered_at = elapsed
        self.oldest_leaves_at = elapsed + answer.oldest_leaves_ms / 1000
        self.standing = bool(answer.standing)
        if stated.asked_day >= 0 and not answer.admitted:
            wait = answer.wait_ms / 1000
            if answer.is_day_full:
                wait = max(wait, seconds_to_midnight(now))
            self.refused_until = elapsed + wait
            full = (("minute", answer.wait_ms > 0), ("day", bool(answer.is_day_full)))
            self.violated = tuple(name for name, is_full in full if is_full)

    def admitted(self, elapsed: float, now: float) -> Spent:
        limits = self.limits
        return Spent(
            True,
            max(0, limits.minute - self._in_minute(elapsed)),
            self._reset_seconds(elapsed),
            None if limits.day is None else max(0, limits.day - self.today - self.unreported_today),
            seconds_to_midnight(now),
        )

    def refused(self, elapsed: float, now: float) -> Spent:
        limits = self.limits
        return Spent(
            False,
            max(0, limits.minute - self._in_minute(elapsed)),
            self._reset_seconds(elapsed),
            None if limits.day is None else max(0, limits.day - self.today - self.unreported_today),
            seconds_to_midnight(now),
            retry_after_seconds=max(1, math.ceil(self.refused_until - elapsed)),
            violated=self.violated,
        )

    def _statement(self, allowance: int, spent_today: int, spent_day: int, asked_day: int) -> Statement:
        limits = self.limits
        return Statement(
            minute_limit=limits.minute,
            day_limit=-1 if limits.day is None else limits.day,
            allowance=allowance,
            spent=self.unreported,
            spent_today=spent_today,
            spent_day=spent_day,
            is_spending=int(self.standing),
            asked_day=asked_day,
        )

    def _in_minute(self, elapsed: float) -> int:
        counted = self.minute if elapsed < self.answered_at + MINUTE_SECONDS else 0
        return counted + self.unreported

    def _reset_seconds(self, elapsed: float) -> int:
        """Until the oldest admission that Redis counted leaves the last minute; 60 if there is none."""
        if elapsed >= self.answered_at + MINUTE_SECONDS:
            return int(MINUTE_SECONDS)
        return max(1, math.ceil(self.oldest_leaves_at - elapsed))
