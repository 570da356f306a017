"""Losses: how far followers had seen a log that was put back, and up to where both logs are surely the same. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.eventsourcing.continuation import Continuation
from shared.eventsourcing.event_store import Head
from shared.replication.proof.signed_heads import SignedHead


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHead:
    """A signed head that a follower kept, and what this log says of it."""

    follower: str
    head: SignedHead
    continuation: Continuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """`heads`: those that are not in this log, by when they were signed. `common_position`: up to there it is the same.

    `positions`: how many rows, at least, had been seen beyond that.
    """

    common_position: int
    heads: tuple[SeenHead, ...]

    @property
    def newest(self) -> SignedHead:
        return self.heads[-1].head

    @property
    def other_epochs(self) -> tuple[str, ...]:
        """Of what is gone, apart from that of the newest."""
        return tuple(sorted({seen.head.epoch for seen in self.heads} - {self.newest.epoch}))

    @property
    def positions(self) -> int:
        return max(seen.head.position for seen in self.heads) - self.common_position


def losses(head: Head, seen: Sequence[SeenHead]) -> Losses | None:
    """None: the log continues all that its followers hold, or what it does not is given up already."""
    lost = [each for each in seen if each.continuation is Continuation.DIVERGED]
    if not lost:
        return None
    lost.sort(key=lambda each: (each.head.signed_at, each.head.position))
    first = min(each.head.position for each in lost)
    return Losses(common_position=_common(head, first, seen), heads=tuple(lost))


def _common(head: Head, first_lost: int, seen: Iterable[SeenHead]) -> int:
    """This log's end, if it is shorter; if it has grown since it was put back, the last head that it still has."""
    if head.position < first_lost:
        return head.position
    continued = (each.head.position for each in seen if each.continuation is Continuation.CONTINUED)
    return max((position for position in continued if position < first_lost), default=0)
