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
from shared.gate.quota.redis_counters import (
    Answer,
    CountersUnavailable,
    GateUnknown,
    Joined,
    RedisCounters,
    Seeding,
    Statement,
)
from shared.gate.quota.share_quota import ShareQuota
from shared.observability import metrics
from shared.runtime.clock import Clock

REPORT_SECONDS = 0.2
RETRY_SECONDS = 1.0
# The script counts a gate out much later than this: 60 s after what it may have admitted last.
TRUSTED_SECONDS = 1.0
KEYS_A_CALL = 100
# Between the moments at which two gates notice that Redis is away.
_APART_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class RedisQuota:
    """Shared by the threads of one process. `elapsed` arguments are seconds of `clock`."""

    def __init__(
        self,
        counts: RedisCounters,
        clock: Clock,
        *,
        time: Callable[[], float],
        gates: Callable[[], int],
        spent: Callable[[], tuple[SpentToday, ...]],
    ) -> None:
        """`time`: seconds since 1970 by the log, which says what day it is. `gates`: how many are live.

        `spent`: asks usage what keys have spent, for a Redis that does not know.
        """
        self._counts, self._clock, self._time, self._spent = counts, clock, time, spent
        self._windows = KeyAllowances()
        self._calling = threading.Lock()  # answers take effect in the order in which Redis gave them
        self._joined: Joined | None = None
        self._is_connected, self._is_told_away = False, False
        self._began = clock.elapsed_seconds()
        self._own_share = ShareQuota(gates, self._began)
        self._shares: ShareQuota | None = self._own_share  # None: Redis counts
        self._hold_until = float("inf")
        self._stopping = threading.Event()
        self._reporting = threading.Thread(target=self._keep_reporting, name="quota", daemon=True)

    @property
    def is_on_shares(self) -> bool:
        return self._shares is not None

    def start(self) -> None:
        """On shares, but started, if Redis is away."""
        metrics.quota_on_shares.set(1)
        self.report()
        self._reporting.start()

    def stop(self) -> None:
        """Tells what was spent; what this gate might still have spent is free for the others."""
        self._stopping.set()
        if self._reporting.is_alive():
            self._reporting.join()
        self._windows.close_all()
        self.report()
        with self._calling:
            self._counts.close()

    def spend(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """Admits and counts one request, or says what stands in its way."""
        shares = self._shares
        if shares is None:
            spent = self._windows.spend(key_id, limits, elapsed, now)
            if spent is not None:
                return spent
            with self._calling:
                # Whoever held it may have brought what this request needs, or found Redis away.
                shares = self._shares
                if shares is None:
                    spent = self._windows.spend(key_id, limits, elapsed, now)
                    if spent is not None:
                        return spent
                    try:
                        return self._ask(key_id, limits, elapsed, now)
                    except CountersUnavailable as error:
                        shares = self._lose(error)
        spent = shares.spend(key_id, limits, elapsed, now)
        if spent.admitted:
            self._windows.note(key_id, limits, elapsed, now)
        return spent

    def peek(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        """How things stand, as far as this gate was told, at no cost."""
        shares = self._shares
        return (self._windows if shares is None else shares).peek(key_id, limits, elapsed, now)

    def seed(self, key_id: str, moments: Iterable[float], day_count: int, now: float) -> None:
        """Redis remembers what was spent before this process; where it does not, it is told by usage, once for all."""

    def forget_idle(self, elapsed: float, now: float) -> None:
        self._own_share.forget_idle(elapsed, now)
        if self._shares is None:
            self._windows.forget_idle(elapsed)

    def report(self) -> None:
        """Tells Redis what was spent since it was last told; joins it, if it is new or was away."""
        try:
            with self._calling:
                if not self._is_connected:
                    self._join()
            self._tell()
            if self._shares is not None:
                with self._calling:
                    self._go_on()
        except CountersUnavailable as error:
            with self._calling:
                self._lose(error)

    def _keep_reporting(self) -> None:
        while not self._stopping.wait(REPORT_SECONDS if self._is_connected else RETRY_SECONDS):
            try:
                self.report()
            except Exception:
                # Whatever it was, this thread must live to report again; until then nothing is spent unasked.
                _log.exception("quota_report_failed")

    def _ask(self, key_id: str, limits: Limits, elapsed: float, now: float) -> Spent:
        statement = self._windows.ask(key_id, limits, elapsed, now)
        (answer,) = self._settle((key_id,), (statement,), elapsed)
        metrics.quota_calls.labels("admitted" if answer.admitted else "refused").inc()
        return self._windows.answered(key_id, statement, answer, self._clock.elapsed_seconds(), now)

    def _tell(self) -> None:
        """A part at a time, so that no request waits long for its turn; at least one: it shows that this gate lives."""
        used = iter(self._windows.take_used().items())
        part = dict(islice(used, KEYS_A_CALL))
        try:
            while True:
                with self._calling:
                    self._tell_of(part)
                part = dict(islice(used, KEYS_A_CALL))
                if not part:
                    return
        except CountersUnavailable:
            self._windows.put_back((*part.items(), *used))
            raise

    def _tell_of(self, part: dict[str, KeyAllowance]) -> None:
        elapsed, now = self._clock.elapsed_seconds(), self._time()
        statements = self._windows.report(part, elapsed, now, self._shares)
        try:
            answers = self._settle(tuple(part), statements, elapsed)
        except CountersUnavailable:
            self._windows.close(part)
            raise
        self._windows.told(part, statements, answers, self._clock.elapsed_seconds(), now)

    def _settle(self, key_ids: tuple[str, ...], statements: Sequence[Statement], sent_at: float) -> list[Answer]:
        try:
            answers = self._counts.settle(key_ids, statements)
        except GateUnknown:
            self._join_again()
            answers = self._counts.settle(key_ids, statements)
        self._windows.trusted_until = max(self._windows.trusted_until, sent_at + TRUSTED_SECONDS)
        return answers

    def _join(self) -> None:
        elapsed, before = self._clock.elapsed_seconds(), self._joined
        on_shares_seconds = elapsed - self._began
        starting = before is None and on_shares_seconds < RETRY_SECONDS
        self._joined = joined = self._counts.join(before, starting=starting)
        if before is None or (before.continuity, before.gate) != (joined.continuity, joined.gate):
            self._windows.close_all()
        # After a minute on shares the gates' may sum up to the whole limit, and not all are counted yet.
        own_hold_seconds = MINUTE_SECONDS if on_shares_seconds >= MINUTE_SECONDS - _APART_SECONDS else 0.0
        self._hold_until = elapsed + max(joined.hold_seconds, own_hold_seconds)
        self._is_connected, self._is_told_away = True, False
        metrics.quota_redis_up.set(1)

    def _join_again(self) -> None:
        """This process was suspended for so long that it was counted out.

        Raises CountsAway if Redis has forgotten more than that.
        """
        before = self._joined
        joined = self._counts.join(before, starting=False)
        self._windows.close_all()
        if before is None or joined.continuity != before.continuity:
            raise CountersUnavailable("Redis has forgotten what it counted")
        self._joined = joined

    def _go_on(self) -> None:
        """Off shares, unless others may have admitted what is not counted yet, or what was spent today is not known."""
        if self._clock.elapsed_seconds() < self._hold_until:
            return
        self._joined = joined = self._counts.join(self._joined, starting=False)
        if joined.hold_seconds > 0 or joined.seeding is Seeding.WAIT:
            self._hold_until = self._clock.elapsed_seconds() + max(joined.hold_seconds, RETRY_SECONDS)
            return
        if joined.seeding is Seeding.YOURS:
            self._counts.seed(day_of(self._time()), [(spent.key_id, spent.today) for spent in self._spent()])
        self._shares = None
        metrics.quota_on_shares.set(0)
        _log.info("quota_counted_by_redis")

    def _lose(self, error: CountersUnavailable) -> ShareQuota:
        """From now on shares, until Redis answers again and knows what it missed."""
        if not self._is_told_away:
            _log.warning("quota_redis_away", detail=str(error))
            self._is_told_away = True
        metrics.quota_calls.labels("failed").inc()
        metrics.quota_redis_up.set(0)
        self._is_connected = False
        self._counts.close()
        if self._shares is None:
            self._began = self._clock.elapsed_seconds()
            self._own_share.begin(self._began)
            self._shares = self._own_share
            metrics.quota_on_shares.set(1)
        return self._own_share
