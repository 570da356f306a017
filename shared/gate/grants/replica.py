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
from shared.replication.feed import Feed, FeedUnavailable
from shared.replication.subscription import CaughtUp, Outcome, Subscription
from shared.runtime.clock import Clock

# So that a change is known here within a second also without a push, and with what a busy machine takes for a pull.
PULL_SECONDS = 0.9
REST_SECONDS_MAX = 0.05
RESNAPSHOT_SECONDS = 30.0
LEASE_SECONDS_DEFAULT = 10.0
LEASE_SECONDS_RANGE = (1.0, 300.0)
_YEAR_1 = datetime.min.replace(tzinfo=UTC).timestamp()
_log = structlog.get_logger(__name__)

TakeSnapshot = Callable[[], Snapshot | CompactSnapshot]


class GrantsFollower:
    """Follows the log of keys into memory. An event that does not apply makes its stream refused, and only it."""

    def __init__(self, grants: Grants, snapshot: TakeSnapshot, distrust: Callable[[], None]) -> None:
        """`distrust` is called before the grants go back in time, until the next pull is through."""
        self._grants, self._snapshot, self._distrust = grants, snapshot, distrust

    def checkpoint(self) -> Head | None:
        return self._grants.place

    def apply(self, events: Sequence[CloudEvent]) -> None:
        for event in events:
            self._apply(event)
        self._grants.place = events[-1].place
        metrics.replica_position.set(events[-1].position)

    def restart(self) -> None:
        """Raises FeedUnavailable when there is no snapshot to be had."""
        snapshot = self._snapshot()
        if not _continues(self._grants.place, snapshot.place):
            # It may be from before a revocation that this gate has acknowledged.
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
    """`grants`, kept by pushes and pulls; `is_fresh` and `time` say what they are worth."""

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
        self.gates = 1  # that are live, this one among them, as of the last pull
        self._clock, self._lease_seconds = clock, lease_seconds
        follower = GrantsFollower(self.grants, snapshot, self._distrust)
        self._subscription = Subscription(feed, follower, clock, gate=gate)
        self.fresh_until = float("-inf")  # in elapsed seconds
        # The database's time in seconds since 1970, and the elapsed seconds it belongs to: one value, for threads that
        # read meanwhile.
        self._as_of = _YEAR_1, 0.0
        self._snapshot_at = 0.0
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="replica", daemon=True)

    def start(self) -> None:
        """Takes the snapshot and pulls once; then keeps pulling. Not fresh, but started, when that fails."""
        self._pull_or_wait()
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def push(self, event: CloudEvent) -> Outcome:
        """An event from the bus: applied at once, and acknowledged by a pull right behind."""
        outcome = Outcome.IGNORED if self.grants.place is None else self._subscription.push(event)
        if outcome is not Outcome.PULLED:
            self._wanted.set()
        return outcome

    def pull(self) -> CaughtUp:
        """Raises FeedUnavailable."""
        if self.grants.place is None or self._is_time_for_a_new_snapshot():
            self._snapshot_at = self._clock.elapsed_seconds()
            self._subscription.restart()
        caught_up = self._subscription.pull()
        self._as_of = caught_up.time.timestamp(), caught_up.sent_at
        self.gates = caught_up.gates or 1
        self.fresh_until = caught_up.sent_at + self._lease_seconds
        metrics.lease_seconds_left.set(self.fresh_until - self._clock.elapsed_seconds())
        return caught_up

    def is_fresh(self) -> bool:
        return self._clock.elapsed_seconds() < self.fresh_until

    def time(self) -> float:
        """The log's database's, in seconds since 1970: the last pull's plus what has elapsed since it was sent."""
        return self.time_at(self._clock.elapsed_seconds())

    def time_at(self, elapsed: float) -> float:
        """The same, for who has read the clock already."""
        time, at = self._as_of
        return time + (elapsed - at)

    def _distrust(self) -> None:
        """A snapshot from before what was applied and acknowledged here: until a pull covers it, not fresh."""
        self.fresh_until = float("-inf")

    def _is_time_for_a_new_snapshot(self) -> bool:
        """A refused stream is mended by auth, if at all; a newer snapshot shows it."""
        age = self._clock.elapsed_seconds() - self._snapshot_at
        return bool(self.grants.unappliable) and age >= RESNAPSHOT_SECONDS

    def _serve(self) -> None:
        began = self._clock.elapsed_seconds()
        while not self._stopping:
            # From pull to pull, however long they take.
            self._wanted.wait(max(0.0, began + PULL_SECONDS - self._clock.elapsed_seconds()))
            self._wanted.clear()
            began = self._clock.elapsed_seconds()
            self._pull_or_wait()
            # Half of the time at most goes into pulling: under a stream of changes the next pull covers more of them,
            # and the log keeps its strength for the changes. The first after a pause is never held up.
            time.sleep(min(self._clock.elapsed_seconds() - began, REST_SECONDS_MAX))

    def _pull_or_wait(self) -> None:
        try:
            self.pull()
        except FeedUnavailable as error:
            _log.warning("pull_failed", gate=self.gate, detail=str(error))
        except Exception:
            # Whatever it was, the lease decides what it costs: this thread must live to pull again.
            _log.exception("pull_failed", gate=self.gate)


def _continues(place: Head | None, later: Head | None) -> bool:
    return place is not None and later is not None and later.epoch == place.epoch and later.position >= place.position
