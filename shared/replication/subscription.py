"""Subscription to another service's log: each event takes effect once, whatever the broker loses, repeats or reorders.

A pushed event that comes next is applied. If it is from further on, the missing ones are pulled first; if it is from
before, it is ignored. The follower's place is saved together with the effect.
"""

import enum
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.epochs import LOG_RESTORED
from shared.eventsourcing.event_store import Head
from shared.replication.feed import Acknowledgement, Feed, FeedDiverged, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead, Remembered
from shared.replication.proof.signed_heads import SignedHead
from shared.runtime.clock import Clock


class Outcome(enum.Enum):
    """What became of pushed events: applied; ignored as known already; or a pull fetched what was missing."""

    APPLIED = "applied"
    IGNORED = "ignored"
    PULLED = "pulled"


class Follower(Protocol):
    """A projection with its checkpoint in the log; `apply` and `restart` are atomic.

    Where others may move it, `apply` leaves known events out and raises FeedUnavailable if the others do not follow.
    """

    def checkpoint(self) -> Head | None:
        """None before anything was applied."""
        ...

    def apply(self, events: Sequence[CloudEvent]) -> None:
        """Applies the events and moves the checkpoint to the last of them, both or neither."""
        ...

    def restart(self) -> None:
        """Drops the state and begins anew: the log followed so far was replaced by another."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """A pull's result: everything up to `head` is applied. `sent_at` is elapsed seconds, taken before asking.

    `gates`: how many gates follow this log; None: unknown. `signed_head`: to be kept, at `head` or before.
    `remembered`: what this follower has said to hold, as the log's service knows; None: nothing.
    """

    head: Head
    time: datetime
    sent_at: float
    gates: int | None = None
    signed_head: SignedHead | None = None
    remembered: Remembered | None = None


class Subscription:
    def __init__(
        self,
        feed: Feed,
        follower: Follower,
        clock: Clock,
        *,
        gate: str | None = None,
        held: Callable[[], HeldHead | None] = lambda: None,
    ) -> None:
        """`gate`: the id under which pulls acknowledge what this follower has applied.

        `held`: the newest signed head that the follower holds, which each pull names.
        """
        self._feed, self._follower, self._clock, self._gate, self._held = feed, follower, clock, gate, held
        self._one_at_a_time = threading.RLock()
        self._pushed_to: Head | None = None  # where the last push ended; None: not known, the follower says it

    def push(self, event: CloudEvent) -> Outcome:
        """Takes one event from the bus. Raises FeedUnavailable if what came before it cannot be had now."""
        return self.push_all((event,))

    def push_all(self, events: Sequence[CloudEvent]) -> Outcome:
        """Takes several events from the bus, in any order. Those that come next are applied together."""
        with self._one_at_a_time:
            following, is_more = self._what_follows(events)
            if following:
                self._pushed_to = None
                self._follower.apply(following)
                self._pushed_to = following[-1].place
            if is_more:
                self.pull()
                return Outcome.PULLED
            return Outcome.APPLIED if following else Outcome.IGNORED

    def pull(self) -> CaughtUp:
        """Applies everything up to the head as it was when the pull began, or later. Raises FeedUnavailable.

        FeedDiverged, of these: the log was put back; what the follower has stays as it is. A gate that applied
        something pulls once more, so that its acknowledgement reaches the log at once.
        """
        with self._one_at_a_time:
            restarted, self._pushed_to = False, None
            while True:
                sent_at = self._clock.elapsed_seconds()
                place = self._follower.checkpoint()
                page = self._feed.pull(place, self._acknowledgement(place), self._held())
                if page.log_diverged:
                    raise FeedDiverged
                if page.diverged:
                    if restarted:
                        raise FeedUnavailable("the snapshot is of another log than the feed; trying again later")
                    self._follower.restart()
                    restarted = True
                elif page.events:
                    self._apply(page.events, place)
                    if page.events[-1].position >= page.head.position and self._gate is None:
                        return _caught_up(page, sent_at)
                elif page.head.position != _position(place):
                    raise FeedUnavailable(f"the feed shows nothing after {_position(place)}, but another head")
                else:
                    return _caught_up(page, sent_at)

    def restart(self) -> None:
        """Begins anew, as if another log had been found."""
        with self._one_at_a_time:
            self._pushed_to = None
            self._follower.restart()

    def _what_follows(self, events: Sequence[CloudEvent]) -> tuple[list[CloudEvent], bool]:
        """As `_following`. What comes next after the push before needs no look at the follower, a database perhaps:
        if others have moved that since, to apply raises.
        """
        if self._pushed_to is not None:
            following, is_more = _following(events, self._pushed_to)
            if not is_more:
                return following, False
        return _following(events, self._follower.checkpoint())

    def _apply(self, events: Sequence[CloudEvent], place: Head | None) -> None:
        expected = _position(place) + 1
        if events[0].position != expected:
            raise FeedUnavailable(f"the feed answered from position {events[0].position}, not {expected}")
        for event in events:
            if not comes_next(event, place):
                raise FeedUnavailable(f"the feed's events do not follow one another at position {event.position}")
            place = event.place
        self._follower.apply(events)

    def _acknowledgement(self, place: Head | None) -> Acknowledgement | None:
        if self._gate is None:
            return None
        return Acknowledgement(gate=self._gate, position=_position(place))


def _caught_up(page: FeedPage, sent_at: float) -> CaughtUp:
    return CaughtUp(
        head=page.head,
        time=page.time,
        sent_at=sent_at,
        gates=page.gates,
        signed_head=page.signed_head,
        remembered=page.remembered,
    )


def _following(events: Sequence[CloudEvent], place: Head | None) -> tuple[list[CloudEvent], bool]:
    """(the events that come next after the place, whether any lies beyond these or in another log)."""
    following: list[CloudEvent] = []
    is_more = False
    for event in sorted(events, key=lambda event: event.position):
        if comes_next(event, place):
            following.append(event)
            place = event.place
        elif place is None or event.epoch != place.epoch or event.position > place.position:
            is_more = True
    return following, is_more


def comes_next(event: CloudEvent, place: Head | None) -> bool:
    """Checks the hash of the row before, too: after a failover another log may continue at the same position.

    An accepted restore begins another epoch within the chain: a follower right before it goes on.
    """
    if place is None:
        return event.position == 1
    if event.position != place.position + 1:
        return False
    if event.epoch == place.epoch:
        return event.previous in (None, place.hash)
    return event.type == LOG_RESTORED and event.previous == place.hash


def _position(place: Head | None) -> int:
    return place.position if place else 0
