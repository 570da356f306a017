"""Distributed concurrency limiter: the slots of all gates together, granted by Redis a block at a time.

The law: at no time do the requests of a key that hold slots, summed over all gates, exceed its limit, as long as Redis
remembers and hears each gate once a lease; for the rest see docs/guarantees.md, G4. What was granted is used again
unasked, and given back after a second without use, so that a key far from its limit costs no call.
"""

import threading
from collections.abc import Callable
from itertools import islice

import structlog

from shared.gate.concurrency.held_slots import Answer, HeldSlots, Statement
from shared.gate.concurrency.slot_counters import Joined, SlotCounters
from shared.gate.concurrency.slots import NONE_LEFT, share_of
from shared.gate.redis_script import CountersUnavailable, GateUnknown
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.runtime.rounds import Rounds

REPORT_SECONDS = 0.2
KEYS_A_CALL = 100
# Of a lease. It beats at least three times in one, and trusts what it holds for half of one after it was heard.
_BEAT_PART, _TRUST_PART = 0.25, 0.5
_log = structlog.get_logger(__name__)


class RedisSlots:
    """Safe to share between the threads of one process. `elapsed`: seconds of `clock`."""

    def __init__(self, counters: SlotCounters, clock: Clock, *, gates: Callable[[], int], lease_seconds: float) -> None:
        """`gates`: counts the live gates."""
        self._counters, self._clock, self._gates, self._lease_seconds = counters, clock, gates, lease_seconds
        self._held = HeldSlots(gates)
        self._calling = threading.Lock()  # what is held changes in the order in which Redis heard of it
        self._joined: Joined | None = None
        self._is_joined = self._is_told_away = False
        self._is_on_shares, self._hold_until, self._heard_at = True, float("inf"), float("-inf")
        # Of its own: no other work may keep this gate from being heard once a lease.
        self._reporting = Rounds("slots", self._report_and_rest)

    @property
    def is_on_shares(self) -> bool:
        return self._is_on_shares

    def start(self) -> None:
        """Joins Redis and starts reporting. If Redis is away it starts on shares."""
        metrics.slots_on_shares.set(1)
        self.report()
        self._reporting.start(min(REPORT_SECONDS, self._lease_seconds / 8))  # heard three times in any lease

    def stop(self) -> None:
        """Leaves: what this gate holds is free."""
        self._reporting.stop()
        with self._calling:
            try:
                if self._joined is not None:
                    self._counters.leave(self._joined)
            except CountersUnavailable:
                pass  # it is free within a lease
            self._counters.close()

    def take(self, key_id: str, limit: int, elapsed: float) -> int:
        if not self._is_on_shares:
            left = self._held.take(key_id, limit, elapsed)
            if left is not None:
                return left
            with self._calling:
                # The thread that held the lock may have got slots for this key, or found Redis away.
                if not self._is_on_shares:
                    left = self._held.take(key_id, limit, elapsed)
                    if left is not None:
                        return left
                    try:
                        return self._ask(key_id, limit)
                    except CountersUnavailable as error:
                        self._lose(error)
        return self._held.take_share(key_id, self._share(limit), elapsed)

    def give_back(self, key_id: str) -> None:
        if not self._held.give_back(key_id, self._clock.elapsed_seconds) or self._is_on_shares:
            return
        with self._calling:
            try:
                told = self._held.without_idle(key_id)
                if told and self._tell(told):
                    self._held.told(told, self._clock.elapsed_seconds())
            except CountersUnavailable as error:
                self._lose(error)

    def in_use(self) -> int:
        return self._held.count_in_use()

    def report(self) -> None:
        """Tells Redis what is not used any more, or that this gate lives; joins first if Redis is new or was away."""
        try:
            with self._calling:
                if not self._is_joined:
                    self._join()
                if self._is_on_shares and self._clock.elapsed_seconds() >= self._hold_until:
                    self._is_on_shares = False
                    metrics.slots_on_shares.set(0)
                    _log.info("slots_counted_by_redis")
            self._report_idle()
        except CountersUnavailable as error:
            with self._calling:
                self._lose(error)

    def _report_and_rest(self) -> float:
        try:
            self.report()
        except Exception:
            # Whatever it was: this thread must live to report again; until then Redis is asked for each slot.
            _log.exception("slots_report_failed")
        if self._held or self._is_on_shares or not self._is_joined:
            return 0
        return self._lease_seconds * _BEAT_PART / 2  # holds nothing, and has only to be heard

    def _ask(self, key_id: str, limit: int) -> int:
        statement = self._held.ask(key_id, limit, self._clock.elapsed_seconds())
        self._reporting.wake()
        try:
            (answer,) = self._settle({key_id: statement})
        except GateUnknown:
            # It was given up, because its process was suspended for long: what is in use is held under a new name.
            self._join()
            if self._is_on_shares:
                raise CountersUnavailable("Redis has forgotten what gates hold") from None
            statement = self._held.ask(key_id, limit, self._clock.elapsed_seconds())
            (answer,) = self._settle({key_id: statement})
        left = self._held.answered(key_id, statement, answer, self._clock.elapsed_seconds())
        metrics.slot_calls.labels("refused" if left == NONE_LEFT else "granted").inc()
        return left

    def _report_idle(self) -> None:
        """In parts, so that no request waits long for the lock; what each part says is as of then."""
        with self._calling:  # a key that somebody asks for now is not forgotten
            due = self._held.idle(self._clock.elapsed_seconds())
        for first in range(0, len(due), KEYS_A_CALL):
            with self._calling:
                told = self._held.stated(due[first : first + KEYS_A_CALL])
                if not self._tell(told):
                    return
                self._held.told(told, self._clock.elapsed_seconds())
        with self._calling:
            if self._clock.elapsed_seconds() >= self._heard_at + _BEAT_PART * self._lease_seconds:
                self._tell({})

    def _tell(self, statements: dict[str, Statement]) -> bool:
        """False: it was given up, and joined again."""
        try:
            self._settle(statements)
        except GateUnknown:
            self._join()
            return False
        return True

    def _settle(self, statements: dict[str, Statement]) -> list[Answer]:
        joined = self._joined
        if joined is None:
            raise CountersUnavailable("not joined")
        sent_at = self._clock.elapsed_seconds()
        answers = self._counters.settle(joined, tuple(statements), tuple(statements.values()))
        self._heard_at = sent_at
        self._held.trusted_until = sent_at + _TRUST_PART * self._lease_seconds
        return answers

    def _join(self) -> None:
        """Under a new name, with what is in use; then what was held under the one before is free.

        In this order, so that no other gate is granted what is in use here.
        """
        before = self._joined
        self._joined = joined = self._counters.join(before)
        in_use = iter(self._held.in_use().items())
        while part := dict(islice(in_use, KEYS_A_CALL)):
            self._settle(part)
        if before is not None:
            self._counters.leave(before)
        if before is None or before.continuity != joined.continuity or joined.hold_seconds:
            self._stay_on_shares(joined.hold_seconds)
        self._hold_until = self._clock.elapsed_seconds() + joined.hold_seconds
        self._is_joined, self._is_told_away = True, False

    def _lose(self, error: CountersUnavailable) -> None:
        """Goes on shares, until Redis answers again and knows what it missed."""
        if not self._is_told_away:
            _log.warning("slots_redis_away", detail=str(error))
            self._is_told_away = True
        metrics.slot_calls.labels("failed").inc()
        self._is_joined = False
        self._counters.close()
        self._stay_on_shares(float("inf"))

    def _stay_on_shares(self, seconds: float) -> None:
        self._hold_until = self._clock.elapsed_seconds() + seconds
        if not self._is_on_shares:
            self._is_on_shares = True
            metrics.slots_on_shares.set(1)

    def _share(self, limit: int) -> int:
        return share_of(limit, self._gates())
