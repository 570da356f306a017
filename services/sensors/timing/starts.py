"""Where runs of samples begin by a device's clock, which stamps their ends alone: told by the run before and the rate.

The same rules lay out what arrives and, once the rate is known, what is stored: a record that came before its
neighbour, or before the rate was measured, was laid out by less. Pure.
"""

from collections.abc import Iterable
from typing import NamedTuple

_NEIGHBOUR_RATIO, _NEIGHBOUR_NS = 0.1, 100_000_000
_EVEN_RATIO, _STAMP_NS = 1e-4, 1_000_000  # devices stamp whole milliseconds
_JOIN = 0.4  # of an interval: how far a run's start may stray from the end of the one before


class Extent(NamedTuple):
    """Device times of the first and the last sample of a run, and how many samples it has."""

    device_ns: int
    device_end_ns: int
    samples: int


def first_ns(end_ns: int, samples: int, before: Extent | None, interval_ns: float) -> int:
    """Evenly after the run before if that is its neighbour, else by the rate."""
    if before is not None and _is_neighbour(end_ns, samples, before, interval_ns):
        return before.device_end_ns + round((end_ns - before.device_end_ns) / samples)
    return end_ns - round((samples - 1) * interval_ns)


def joined_ns(first_ns: int, end_ns: int, samples: int, before: Extent, interval_ns: float) -> int:
    """No further from where the run before goes on than lets both be joined.

    What their stamps are uneven by adds up over neighbours, more or less as they came in runs of more or fewer records,
    and is made up for at each seam: unless it is much, they are joined.
    """
    due_ns = before.device_ns + before.samples * interval_ns
    off_ns = first_ns - due_ns
    is_neighbour = _is_neighbour(end_ns, samples, before, interval_ns)
    if abs(off_ns) >= (max(_NEIGHBOUR_NS, interval_ns) if is_neighbour else interval_ns):
        return first_ns
    join_ns = _JOIN * interval_ns
    return round(due_ns + min(max(off_ns, -join_ns), join_ns))


def starts_ns(runs: Iterable[Extent], before: Extent | None, interval_ns: float) -> list[int]:
    """Of runs in order of their ends, as if they were laid out now. `before`: the one that ends before them all."""
    starts = []
    for run in runs:
        start_ns = run.device_ns
        if run.samples > 1:  # one sample has no end apart from its start, to stay where the stamp says
            start_ns = _start_ns(run, before, interval_ns)
        before = Extent(start_ns, run.device_end_ns, run.samples)
        starts.append(start_ns)
    return starts


def _start_ns(run: Extent, before: Extent | None, interval_ns: float) -> int:
    is_neighbour = before is not None and _is_neighbour(run.device_end_ns, run.samples, before, interval_ns)
    length_ns = (run.samples - 1) * interval_ns
    off_ns = abs(run.device_end_ns - run.device_ns - length_ns)
    if not is_neighbour and off_ns <= max(_EVEN_RATIO * length_ns, _STAMP_NS):
        start_ns = run.device_ns
    else:
        start_ns = first_ns(run.device_end_ns, run.samples, before, interval_ns)
    return start_ns if before is None else joined_ns(start_ns, run.device_end_ns, run.samples, before, interval_ns)


def _is_neighbour(end_ns: int, samples: int, before: Extent, interval_ns: float) -> bool:
    """A tenth further away at most; of a run of many seconds, a tenth of a second."""
    due_ns = samples * interval_ns
    room_ns = min(_NEIGHBOUR_RATIO * due_ns, max(_NEIGHBOUR_NS, interval_ns))
    return abs(end_ns - before.device_end_ns - due_ns) < room_ns
