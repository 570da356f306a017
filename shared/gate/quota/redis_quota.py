"""Distributed rate limiter: the limits of all gates together, counted in Redis, which is asked only near a limit.

The law: for every t, admissions in (t - 60 s, t] summed over all gates never exceed the minute limit, and admissions in
a UTC day never exceed the day limit, as long as Redis remembers; while it does not, at most one share more. For the
proof see docs/decisions/0029. Where Redis is away no request waits for it: share_quota.py decides.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import structlog

from shared.contracts.usage import Spent as SpentToday
from shared.gate.grants.grant import Limits
from shared.gate.quota.key_allowance import KeyAllowance
from shared.gate.quota.key_allowances import KeyAllowances
from shared.gate.quota.memory_quota import MINUTE_SECONDS, Spent, day_of
from shared.gate.quota.redis_counters import Answer, Joined, RedisCounters, Seeding, Statement
from shared.gate.quota.share_quota import ShareQuota
from shared.gate.redis_script import CountersUnavailable, GateUnknown
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.runtime.rounds import Rounds

REPORT_SECONDS = 0.4  # a key costs Redis the same, whether one request of it is told or many
RETRY_SECONDS = 1.0
# How long allowances may be spent after a call to Redis. The script gives a silent gate up much later: after 65 s.
TRUSTED_SECONDS = 1.0
# How long a gate that spends nothing is silent. A call comes before trust ends, or its next request would have to ask.
SILENT_SECONDS = TRUSTED_SECONDS - REPORT_SECONDS
# How long one without any allowance is: its next request must ask Redis anyway. It still notices when Redis goes.
RESTED_SECONDS = 2.0
KEYS_A_CALL = 100
# Two gates may notice that Redis is away this long after one another.
_APART_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class RedisQuota:
    """Safe to share between the threads of one process. `elapsed`: seconds of `clock`."""

    def __init__(
        self,
        counters: RedisCounters,
        clock: Clock,
        *,
        time: Callable[[], float],
        gates: Callable[[], int],
        spent: Callable[[], tuple[SpentToday, ...]],
    ) -> None:
        """`time`: seconds since 1970 by the log's clock, which says what day it is. `gates`: counts the live gates.

        `spent`: asks usage what keys have spent, to seed a Redis that does not know.
        """
        self._counters, self._clock, self._time, self._spent = counters, clock, time, spent
        self._allowances = KeyAllowances()
        self._calling = threading.Lock()  # answers take effect in the order in which Redis gave them
        self._joined: Joined | None = None
        self._is_connected, self._is_told_away = False, False
        self._began = clock.elapsed_seconds()
        self._own_share = ShareQuota(gates, self._began)
        self._shares: ShareQuota | None = self._own_share  # None: Redis counts
        self._hold_until, self._heard_at = float("inf"), float("-inf")
        self._reporting = Rounds("quota", self._report_and_rest)

    @property
    def is_on_shares(self) -> bool:
        return self._shares is not None

    @property
    def allowances(self) -> int:
        """Keys that this gate has an allowance of, or had one shortly before."""
        return len(self._allowances)

    def start(self) -> None:
        """Joins Redis and starts reporting. If Redis is away it starts on shares."""
        metrics.quota_on_shares.set(1)
        self.report()
        self._reporting.start(REPORT_SECONDS)

    def stop(self) -> None:
        """Reports what was spent, and gives the allowances back for other gates to use."""
        self._reporting.stop()
        self._allowances.close_all()
        self.report()
        with self._calling:
            self._counters.close()

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """Admits and counts one request, or refuses it and says when to retry."""
        shares = self._shares
        if shares is None:
            spent = self._allowances.spend(key_id, limits, elapsed, now)
            if spent is not None:
                return spent
            with self._calling:
                # The thread that held the lock may have got an allowance for this key, or found Redis away.
                shares = self._shares
                if shares is None:
                    spent = self._allowances.spend(key_id, limits, elapsed, now)
                    if spent is not None:
                        return spent
                    try:
                        return self._ask(key_id, limits, elapsed, now)
                    except CountersUnavailable as error:
                        shares = self._lose(error)
        spent = shares.spend(key_id, limits, elapsed, now)
        if spent.admitted:
            self._allowances.note(key_id, limits, elapsed, now)
        return spent

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """What `spend` would decide as far as this gate knows, without counting or calling."""
        shares = self._shares
        return (self._allowances if shares is None else shares).peek(key_id, limits, elapsed, now)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, elapsed: float, now: float) -> None:
        """Does nothing: Redis knows what was spent before, or one gate seeds it for all from usage."""

    def forget_idle(self, elapsed: float) -> None:
        self._own_share.forget_idle(elapsed)
        if self._shares is None:
            self._allowances.forget_idle(elapsed)

    def report(self) -> None:
        """Reports to Redis what was spent since the last report; joins first if Redis is new or was away."""
        try:
            with self._calling:
                if not self._is_connected:
                    self._join()
            self._report_used()
            if self._shares is not None:
                with self._calling:
                    self._go_on()
        except CountersUnavailable as error:
            with self._calling:
                self._lose(error)

    def report_if_due(self) -> None:
        """Unless it has spent nothing since the last report, and Redis heard of it just before."""
        is_silent = self._is_connected and self._shares is None and not self._allowances.are_used
        if not is_silent or self._clock.elapsed_seconds() >= self._heard_at + SILENT_SECONDS:
            self.report()

    def _report_and_rest(self) -> float:
        try:
            self.report_if_due()
        except Exception:
            # Whatever it was: this thread must live to report again; until then allowances expire.
            _log.exception("quota_report_failed")
        if not self._is_connected:
            return RETRY_SECONDS
        return 0 if self._allowances or self._shares is not None else RESTED_SECONDS

    def _ask(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        statement = self._allowances.ask(key_id, limits, elapsed, now)
        self._reporting.wake()
        (answer,) = self._settle((key_id,), (statement,), elapsed)
        metrics.quota_calls.labels("admitted" if answer.admitted else "refused").inc()
        return self._allowances.answered(key_id, statement, answer, self._clock.elapsed_seconds(), now)

    def _report_used(self) -> None:
        """Reports in parts, so that no request waits long for the lock; at least one part, as a sign of life."""
        used = iter(self._allowances.take_used().items())
        part = dict(islice(used, KEYS_A_CALL))
        try:
            while True:
                with self._calling:
                    self._report_part(part)
                part = dict(islice(used, KEYS_A_CALL))
                if not part:
                    return
        except CountersUnavailable:
            self._allowances.put_back((*part.items(), *used))
            raise

    def _report_part(self, part: dict[str, KeyAllowance]) -> None:
        elapsed, now = self._clock.elapsed_seconds(), self._time()
        statements = self._allowances.report(part, elapsed, now, self._shares)
        try:
            answers = self._settle(tuple(part), statements, elapsed)
        except CountersUnavailable:
            self._allowances.close(part)
            raise
        self._allowances.told(part, statements, answers, self._clock.elapsed_seconds(), now)

    def _settle(self, key_ids: tuple[str, ...], statements: Sequence[Statement], sent_at: float) -> list[Answer]:
        try:
            answers = self._counters.settle(key_ids, statements)
        except GateUnknown:
            self._join_again()
            answers = self._counters.settle(key_ids, statements)
        self._heard_at = max(self._heard_at, sent_at)
        self._allowances.trusted_until = self._heard_at + TRUSTED_SECONDS
        return answers

    def _join(self) -> None:
        elapsed, before = self._clock.elapsed_seconds(), self._joined
        on_shares_seconds = elapsed - self._began
        starting = before is None and on_shares_seconds < RETRY_SECONDS
        self._joined = joined = self._counters.join(before, starting=starting)
        if before is None or (before.continuity, before.gate) != (joined.continuity, joined.gate):
            self._allowances.close_all()
        # After a minute on shares, the gates' admissions may add up to the whole limit, and not all are counted yet.
        own_hold_seconds = MINUTE_SECONDS if on_shares_seconds >= MINUTE_SECONDS - _APART_SECONDS else 0.0
        self._hold_until = elapsed + max(joined.hold_seconds, own_hold_seconds)
        self._is_connected, self._is_told_away = True, False
        metrics.quota_redis_up.set(1)

    def _join_again(self) -> None:
        """Joins again after Redis gave this gate up, because its process was suspended for long.

        Raises CountersUnavailable if Redis has forgotten more than this gate.
        """
        before = self._joined
        joined = self._counters.join(before, starting=False)
        self._allowances.close_all()
        if before is None or joined.continuity != before.continuity:
            raise CountersUnavailable("Redis has forgotten what it counted")
        self._joined = joined

    def _go_on(self) -> None:
        """Leaves shares, unless other gates may have uncounted admissions, or Redis does not know today's counts."""
        if self._clock.elapsed_seconds() < self._hold_until:
            return
        self._joined = joined = self._counters.join(self._joined, starting=False)
        if joined.hold_seconds > 0 or joined.seeding is Seeding.WAIT:
            self._hold_until = self._clock.elapsed_seconds() + max(joined.hold_seconds, RETRY_SECONDS)
            return
        if joined.seeding is Seeding.YOURS:
            self._counters.seed(day_of(self._time()), [(spent.key_id, spent.today) for spent in self._spent()])
        self._shares = None
        metrics.quota_on_shares.set(0)
        _log.info("quota_counted_by_redis")

    def _lose(self, error: CountersUnavailable) -> ShareQuota:
        """Goes on shares, until Redis answers again and knows what it missed."""
        if not self._is_told_away:
            _log.warning("quota_redis_away", detail=str(error))
            self._is_told_away = True
        metrics.quota_calls.labels("failed").inc()
        metrics.quota_redis_up.set(0)
        self._is_connected = False
        self._counters.close()
        if self._shares is None:
            self._began = self._clock.elapsed_seconds()
            self._own_share.begin(self._began)
            self._shares = self._own_share
            metrics.quota_on_shares.set(1)
        return self._own_share
