"""Replication of a gate's grants, with a freshness lease: until when they may be trusted.

Only a pull renews the lease, because only a pull's answer proves how things stood at a known moment; a push may
have waited in a queue. While the lease has run out the gate refuses everything: it never guesses.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from shared.contracts.decoding import UnknownEvent, decode_all
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES
from shared.eventsourcing.event_store import Head
from shared.gate.grants.compact_grants import CompactSnapshot
from shared.gate.grants.grant import EventOutOfPlace, Snapshot
from shared.gate.grants.grants import Grants
from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.replication.feed import Feed, FeedDiverged, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.subscription import CaughtUp, Outcome, Subscription
from shared.runtime.clock import Clock

# Less than a second by what a pull takes on a busy machine: without a push a change is known within one second.
PULL_SECONDS = 0.9
REST_SECONDS_MAX = 0.05
RESNAPSHOT_SECONDS = 30.0
LEASE_SECONDS_DEFAULT = 10.0
LEASE_SECONDS_RANGE = (1.0, 300.0)
_YEAR_1 = datetime.min.replace(tzinfo=UTC).timestamp()
_log = structlog.get_logger(__name__)

TakeSnapshot = Callable[[], Snapshot | CompactSnapshot]


class GrantsFollower:
    """Applies the log of keys to the grants in memory. If an event cannot be applied, its stream alone is refused."""

    def __init__(self, grants: Grants, snapshot: TakeSnapshot, distrust: Callable[[], None]) -> None:
        """`distrust` is called before a snapshot that is older than the grants replaces them; a pull restores trust."""
        self._grants, self._snapshot, self._distrust = grants, snapshot, distrust

    def checkpoint(self) -> Head | None:
        return self._grants.place

    def apply(self, events: Sequence[CloudEvent]) -> None:
        for event in events:
            self._apply(event)
        self._grants.place = events[-1].place

    def restart(self) -> None:
        """Loads a new snapshot. Raises FeedUnavailable if there is none."""
        snapshot = self._snapshot()
        if not _continues(self._grants.place, snapshot.place):
            # The snapshot may be from before a revocation that this gate has acknowledged.
            self._distrust()
        self._grants.load(snapshot)

    def _apply(self, event: CloudEvent) -> None:
        if event.subject in self._grants.unappliable:
            return
        try:
            public = decode_all(event, SHAPES)
            if public is not None:
                self._grants.apply(public)
        except (msgspec.ValidationError, EventOutOfPlace, UnknownEvent) as error:
            self._grants.unappliable.add(event.subject)
            _log.error("grant_unappliable", stream=event.subject, position=event.position, error=type(error).__name__)


class Replica:
    """`grants`, kept current by pushes and pulls; `is_fresh`: may they be trusted? `time`: the log's."""

    def __init__(
        self,
        *,
        gate: str,
        feed: Feed,
        snapshot: TakeSnapshot,
        clock: Clock,
        lease_seconds: float = LEASE_SECONDS_DEFAULT,
    ) -> None:
        self.gate, self.grants = gate, Grants()
        self.gates = 1  # live gates, with this one, as of the last pull
        self._clock, self._lease_seconds = clock, lease_seconds
        follower = GrantsFollower(self.grants, snapshot, self._distrust)
        self._subscription = Subscription(feed, follower, clock, gate=gate, held=self._held)
        self._signed_head: SignedHead | None = None
        self.is_log_diverged = False  # as of the last pull that was answered
        self._lines = OnceAMinute(clock.elapsed_seconds)
        self.fresh_until = float("-inf")  # in elapsed seconds
        # (database time in seconds since 1970, elapsed seconds at that time): one tuple, so that threads read both.
        self.as_of = _YEAR_1, 0.0
        self._snapshot_at = 0.0
        self._freshness, self._position = metrics.fresh_until.labels(gate), metrics.replica_position.labels(gate)
        self._held_metric, self._clock_offset = metrics.grants_held.labels(gate), metrics.clock_offset.labels(gate)
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="replica", daemon=True)

    def start(self) -> None:
        """Loads the snapshot and pulls once; then keeps pulling. If that fails it starts all the same, not fresh."""
        self._pull_or_wait()
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def push(self, *events: CloudEvent) -> Outcome:
        """Applies events from the bus at once; a pull right after acknowledges them."""
        outcome = Outcome.IGNORED if self.grants.place is None else self._subscription.push_all(events)
        self._tell_position()
        if outcome is not Outcome.PULLED:
            self._wanted.set()
        return outcome

    def pull(self) -> CaughtUp:
        """Pulls up to the head and renews the lease. Raises FeedUnavailable; if FeedDiverged, the lease has ended."""
        if self.grants.place is None or self._is_time_for_a_new_snapshot():
            self._snapshot_at = self._clock.elapsed_seconds()
            self._subscription.restart()
        try:
            caught_up = self._subscription.pull()
        except FeedDiverged:
            self.is_log_diverged = True
            self._distrust()
            raise
        self.is_log_diverged = False
        self._signed_head = caught_up.signed_head or self._signed_head
        self.as_of = caught_up.time.timestamp(), caught_up.sent_at
        self.gates = caught_up.gates or 1
        self.fresh_until = caught_up.sent_at + self._lease_seconds
        # A moment and not what is left of it, which would stand still while pulls fail.
        self._freshness.set(self.time_at(self.fresh_until))
        self._clock_offset.set(self._clock.now().timestamp() - self.time())
        self._tell_position()
        return caught_up

    def is_fresh(self) -> bool:
        return self._clock.elapsed_seconds() < self.fresh_until

    def time(self) -> float:
        """The log's database time, in seconds since 1970: the last pull's, plus what has elapsed since it was sent."""
        return self.time_at(self._clock.elapsed_seconds())

    def time_at(self, elapsed: float) -> float:
        """As `time`, at a reading of the elapsed clock."""
        time, at = self.as_of
        return time + (elapsed - at)

    def _held(self) -> HeldHead | None:
        return None if self._signed_head is None else HeldHead(follower=self.gate, head=self._signed_head)

    def _distrust(self) -> None:
        """Ends the lease: the next snapshot lacks what was acknowledged here, until a pull has caught up."""
        self.fresh_until = float("-inf")
        self._freshness.set(0)

    def _tell_position(self) -> None:
        if self.grants.place is not None:
            self._position.set(self.grants.place.position)
            self._held_metric.set(len(self.grants))

    def _is_time_for_a_new_snapshot(self) -> bool:
        """While streams are refused, every RESNAPSHOT_SECONDS: auth may have repaired them."""
        age = self._clock.elapsed_seconds() - self._snapshot_at
        return bool(self.grants.unappliable) and age >= RESNAPSHOT_SECONDS

    def _serve(self) -> None:
        began = self._clock.elapsed_seconds()
        while not self._stopping:
            # Measured from the start of one pull to the start of the next.
            self._wanted.wait(max(0.0, began + PULL_SECONDS - self._clock.elapsed_seconds()))
            self._wanted.clear()
            began = self._clock.elapsed_seconds()
            self._pull_or_wait()
            # At most half of the time is spent on pulling: when many changes come, the next pull covers more of them,
            # and the log's database has time for the changes. The first pull after a pause is never delayed.
            time.sleep(min(self._clock.elapsed_seconds() - began, REST_SECONDS_MAX))

    def _pull_or_wait(self) -> None:
        try:
            self.pull()
        except FeedDiverged as error:
            if (pulls := self._lines.due()) is not None:
                _log.error("log_diverged", gate=self.gate, detail=str(error), pulls=pulls)
        except FeedUnavailable as error:
            _log.warning("pull_failed", gate=self.gate, detail=str(error))
        except Exception:
            # Whatever it was: this thread must live to pull again. If it cannot, the lease ends.
            _log.exception("pull_failed", gate=self.gate)


def _continues(place: Head | None, later: Head | None) -> bool:
    return place is not None and later is not None and later.epoch == place.epoch and later.position >= place.position
