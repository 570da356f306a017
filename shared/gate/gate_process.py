"""Lifecycle of a web process's gate: builds, starts and stops its replica, meter, listener and quota.

The same for every service, distributed or embedded; what differs is handed in.
"""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

import msgspec
import structlog

from shared.contracts.auth import AuthenticationFailed
from shared.contracts.usage import BatchesCounted, Spent
from shared.gate.authentication.guess_throttle import LIMIT_DEFAULT, GuessThrottle
from shared.gate.concurrency.redis_slots import RedisSlots
from shared.gate.concurrency.slot_counters import SlotCounters
from shared.gate.concurrency.slots import MemorySlots, ShareSlots, Slots
from shared.gate.gate import Gate
from shared.gate.grants.replica import Replica, TakeSnapshot
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota, Quota
from shared.gate.quota.redis_counters import RedisCounters
from shared.gate.quota.redis_quota import RedisQuota
from shared.gate.quota.share_quota import ShareQuota
from shared.observability import metrics, saturation
from shared.replication.feed import Feed
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Verifier
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import Clock

SETTLE_SECONDS_MAX = 5.0
BEAT_SECONDS = 1.0
TIDY_SECONDS = 60.0
_log = structlog.get_logger(__name__)

Hear = Callable[[Sequence[Any]], None]


class Listener(Protocol):
    """Consumes the events of keys, and usage's BatchesCounted, until stopped."""

    def start(self) -> None: ...

    def wait_until_ready(self, timeout_seconds: float) -> bool: ...

    def stop(self) -> None: ...


def new_gate_id() -> str:
    """A random id, new at each start, so that an acknowledgement is always of one run of one process."""
    return f"gate_{secrets.token_hex(8)}"


class GateProcess:
    def __init__(
        self,
        *,
        gate_id: str,
        feed: Feed,
        snapshot: TakeSnapshot,
        spent: Callable[[], tuple[Spent, ...]],
        spent_on: Callable[[str, int], int] | None = None,
        listen: Callable[[Hear, Hear], Listener],
        meter: Meter,
        clock: Clock,
        lease_seconds: float,
        counters: tuple[RedisCounters, SlotCounters] | None = None,
        is_only_gate: bool = True,
        guesses_per_minute: int = LIMIT_DEFAULT,
        tell: Callable[[AuthenticationFailed], None] = lambda _failed: None,
        keys_verifier: Verifier | None = None,
    ) -> None:
        """`counters`: where all gates count together. Without it, the only gate counts for itself, and of several gates
        each takes its share. `tell`: publishes the event, or raises BusUnavailable.

        `keys_verifier`: proves what the bus says of keys; None: it is believed.
        `spent`: asks usage what keys have spent; `spent_on`: what one has, on another day, which only a gate that is
        alone needs, when its clock is set. `listen`: (handler of keys' events, of BatchesCounted) → a listener.
        """
        self.replica = Replica(gate=gate_id, feed=feed, snapshot=snapshot, clock=clock, lease_seconds=lease_seconds)
        self._meter, self._clock, self._spent, self._lease_seconds = meter, clock, spent, lease_seconds
        self._shared_quota: RedisQuota | None = None
        self._shared_slots: RedisSlots | None = None
        if counters is not None:
            self._shared_quota, self._shared_slots = self._count_in_redis(*counters)
        self._quota: Quota = self._shared_quota or (
            MemoryQuota(spent_on) if is_only_gate else ShareQuota(self._count_gates)
        )
        self._slots: Slots = self._shared_slots or (MemorySlots() if is_only_gate else ShareSlots(self._count_gates))
        self._tell = tell
        self._push_proof = PushProof(keys_verifier, clock)
        self._listener = listen(self._hear_keys, self._hear_counted)
        self._guess_throttle = GuessThrottle(guesses_per_minute)
        self.gate = Gate(self.replica, self._quota, meter, clock, self._guess_throttle, self._slots)
        self._stopping = threading.Event()
        self._tidying = threading.Thread(target=self._keep_tidy, name="tidy", daemon=True)

    def start(self) -> None:
        """Returns once grants are replicated and the quota knows what was spent before this process."""
        self._listener.start()
        self._listener.wait_until_ready(SETTLE_SECONDS_MAX)
        self.replica.start()
        self._ship_earlier_requests()
        self._meter.start()
        if self._shared_slots is not None:
            self._shared_slots.start()
        if self._shared_quota is None:
            self._seed_quota()
        else:
            self._shared_quota.start()
        self._tidying.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._tidying.is_alive():
            self._tidying.join()
        if self._shared_quota is not None:
            self._shared_quota.stop()
        if self._shared_slots is not None:
            self._shared_slots.stop()
        self._meter.stop()
        self.replica.stop()
        self._listener.stop()

    def tidy(self) -> None:
        """Deletes counters that no decision can need any more."""
        self._quota.forget_idle(self._clock.elapsed_seconds())

    def _keep_tidy(self) -> None:
        tidied_at = self._clock.elapsed_seconds()
        while not self._stopping.wait(BEAT_SECONDS):
            self._tell_metrics()
            self._push_proof.expire()
            elapsed = self._clock.elapsed_seconds()
            if elapsed >= tidied_at + TIDY_SECONDS:
                tidied_at = elapsed
                self.tidy()
                self.tell_of_guessing()

    def _tell_metrics(self) -> None:
        metrics.request_counts.tell()
        saturation.slots_in_use.set(self._slots.in_use())
        if self._shared_quota is not None:
            saturation.quota_allowances.set(self._shared_quota.allowances)

    def tell_of_guessing(self) -> None:
        """Publishes AuthenticationFailed for slowed addresses. Best effort: what the bus does not take is lost."""
        elapsed, now = self._clock.elapsed_seconds(), self._clock.now()
        for slowed in self._guess_throttle.take_slowed():
            failed = AuthenticationFailed(
                address=slowed.address,
                count=slowed.count,
                first_at=now - timedelta(seconds=elapsed - slowed.first),
                last_at=now - timedelta(seconds=elapsed - slowed.last),
                kinds=tuple(sorted(kind.value for kind in slowed.kinds)),
            )
            try:
                self._tell(failed)
                metrics.authentication_failed.labels("published").inc()
            except BusUnavailable:
                metrics.authentication_failed.labels("lost").inc()

    def _ship_earlier_requests(self) -> None:
        """Ships the segments of killed processes; waits up to SETTLE_SECONDS_MAX until usage has counted them."""
        self._meter.adopt()
        deadline = self._clock.elapsed_seconds() + SETTLE_SECONDS_MAX
        self._meter.ship()
        while not self._meter.is_settled():
            if self._clock.elapsed_seconds() > deadline:
                _log.warning("earlier_requests_not_counted_yet")
                return
            time.sleep(0.02)
            self._meter.ship()

    def _count_in_redis(self, counters: RedisCounters, of_slots: SlotCounters) -> tuple[RedisQuota, RedisSlots]:
        slots = RedisSlots(of_slots, self._clock, gates=self._count_gates, lease_seconds=self._lease_seconds)
        quota = RedisQuota(
            counters,
            self._clock,
            time=self._time,
            gates=self._count_gates,
            spent=self._spent,
        )
        return quota, slots

    def _count_gates(self) -> int:
        return self.replica.gates

    def _time(self) -> float:
        """The log's time; before the first pull, when that is unknown (year 1), the host's."""
        return self.replica.time() if self.replica.is_fresh() else self._clock.now().timestamp()

    def _seed_quota(self) -> None:
        elapsed, now = self._clock.elapsed_seconds(), self._time()
        for spent in self._spent():
            moments = (elapsed - ago for ago in spent.seconds_ago)
            self._quota.seed(spent.key_id, moments, spent.today, elapsed, now)

    def _hear_keys(self, bodies: Sequence[Any]) -> None:
        events, wrong = self._push_proof.take_all(bodies)
        if events:
            self.replica.push(*events)
        if wrong is not None:
            raise wrong

    def _hear_counted(self, bodies: Sequence[Any]) -> None:
        for counted in msgspec.convert(bodies, type=list[BatchesCounted]):
            self._meter.counted(counted.batches)
