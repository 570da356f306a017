"""Pace of a meter's shipping: how often new batches are cut, and when they are sent again. Pure.

While usage is behind, a batch each pass and copies of each make its queue grow faster than it counts: then what is
recorded waits on disk, and goes out seldom, in few and large batches. It never stops, for a batch may be one that usage
has parked, and will never count.
"""

WAITING_MAX = 25  # batches that usage has not counted yet: of fifteen seconds, while it keeps up
CUT_SECONDS_BEHIND = 5.0
REPUBLISH_SECONDS = 5.0  # doubled each time, so that copies do not fill usage's queue while usage is down
REPUBLISH_SECONDS_BEHIND = 40.0
REPUBLISH_SECONDS_MAX = 300.0


class Pace:
    """`first_wait_seconds`: until a batch that is published now is published again. Times are elapsed seconds."""

    def __init__(self) -> None:
        self._is_behind = False
        self._cut_at = float("-inf")

    @property
    def first_wait_seconds(self) -> float:
        return REPUBLISH_SECONDS_BEHIND if self._is_behind else REPUBLISH_SECONDS

    def cuts(self, waiting: int, now: float) -> bool:
        """Whether this pass cuts what is recorded into batches. `waiting`: batches on their way."""
        self._is_behind = waiting >= WAITING_MAX
        if self._is_behind and now < self._cut_at + CUT_SECONDS_BEHIND:
            return False
        self._cut_at = now
        return True
