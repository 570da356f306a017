"""Continuation: whether a log goes on from a head that a follower holds, signed by the log's own service.

Pure. A head that nobody signed is not judged at all: an invented one stops nobody.
"""

import enum
from collections.abc import Callable

from shared.eventsourcing.epochs import Epochs, LogRestored
from shared.eventsourcing.event_store import Head


class Continuation(enum.Enum):
    """CONTINUED: the head is in the log. GIVEN_UP: an accepted restore says that it is not. DIVERGED: neither."""

    CONTINUED = "continued"
    GIVEN_UP = "given-up"
    DIVERGED = "diverged"


def judge(
    held: Head, epochs: Epochs, hash_there: str | None, is_believed: Callable[[LogRestored], bool]
) -> Continuation:
    """`hash_there`: of the log's row at that position; None: it has none. `is_believed`: whether keys signed it.

    The head of an empty log says nothing: with it nothing can have been lost.
    """
    if held.position == 0 or (epochs.at(held.position) == held.epoch and hash_there == held.hash):
        return Continuation.CONTINUED
    if any(is_believed(restored) for restored in epochs.giving_up(held.epoch, held.position)):
        return Continuation.GIVEN_UP
    return Continuation.DIVERGED
