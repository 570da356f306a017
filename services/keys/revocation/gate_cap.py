"""Cap of gates a service: which rows of an account that has too many may be removed, and when. Pure.

At the cap all rows of the account are marked: their position becomes a negative number that is used once. A gate that
lives sets its own right by its next pull. A row that still has its mark, a lease and a margin after this process first
saw it, is of a gate without a lease: its last pull was sent before the mark was committed. Until then a mark only
makes receipts wait, as a gate that has applied nothing does. No wall clock is compared, and any process that sees a
mark can end what another began.
"""

from collections.abc import Collection
from dataclasses import dataclass

GATES_MAX_DEFAULT = 64
MARKS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do for an account at the cap. `remove`: rows with these marks. `mark`: give all its rows a new one."""

    remove: frozenset[int] = frozenset()
    mark: bool = False


class GateCap:
    """Not to be used by two threads at once. Times are elapsed seconds of this process."""

    def __init__(self, gates_max: int, *, silence_seconds: float) -> None:
        """`silence_seconds`: after that long without a pull, a gate has no lease."""
        self._gates_max, self._silence_seconds = gates_max, silence_seconds
        self._seen: dict[str, dict[int, float]] = {}
        self._marked_at: dict[str, float] = {}

    def step(self, account: str, positions: Collection[int], now: float) -> Step | None:
        """None: one gate more has room. `positions`: of the account's rows, committed and read before `now`."""
        if len(positions) < self._gates_max:
            return None
        seen_before = self._seen.get(account, {})
        seen = {position: seen_before.get(position, now) for position in positions if is_mark(position)}
        self._seen[account] = seen
        if silent := frozenset(mark for mark, at in seen.items() if now >= at + self._silence_seconds):
            return Step(remove=silent)
        # Marked again no sooner, or a service that holds its gates at the cap would make receipts wait again and again.
        if seen or now < self._marked_at.get(account, float("-inf")) + self._silence_seconds:
            return Step()
        self._marked_at[account] = now
        return Step(mark=True)


def is_mark(position: int) -> bool:
    return position < 0
