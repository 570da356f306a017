"""The line under a clock's delays: device time → true time, and how far that can be wrong.

Under a span of device time the greatest curve is taken that lies below all delays and bends upwards by no more than a
crystal's wander (semi-convex: the lower hull of delay + WANDER * t**2 / 2). At an era's ends, where a hull rises to
whatever the outermost messages took, a straight line goes on instead: the mean of all that may be true under the
nearest forty pieces. Of fewer pieces, which tell little of how late messages are, the edge over their middle is taken
(Moon, Skelly and Towsley, INFOCOM 1999).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import PIECE_NS, Pieces, Point, lower_hull
from services.sensors.timing.uncertainty import LATENESS_NS_MAX, WANDER, curve_doubt_ns, likely, supporting

CONTEXT_PIECES = 40
"""Active pieces on either side that a line is drawn with: 43 minutes."""

_UNCERTAINTY_FLOOR_NS = 3_000_000
_SHOWN_NS, _SHOWN_LATENESS_NS, _SHOWN_PIECES = 13_000_000, 1.5 * LATENESS_NS_MAX, 30
"""What eras of over forty active pieces are not off by, where messages are late by 2 s at most at the mean (3, as forty
pieces tell it) and outages last half an hour: of 520 simulated ones no time was off by more than 13.5 ms. Another 3 ms
are always stated.
"""

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """The clock's error at knots of device time, straight between and level beyond them."""

    device_ns: Integers
    error_ns: Integers
    told_ns: Callable[[], float]
    """How far times can be wrong: derived when it is asked for, which most lines never are."""

    @cached_property
    def uncertainty_ns(self) -> int:
        return round(self.told_ns())

    def true_ns(self, device_ns: Integers) -> Integers:
        base = int(self.device_ns[0])
        error = np.interp((device_ns - base).astype(np.float64), self.device_ns - base, self.error_ns)
        return device_ns + np.rint(error).astype(np.int64)


def line(pieces: Pieces, first: int, last: int) -> Line:
    """For the pieces with numbers `first` to `last`, from those and `context` around them; one at least is there."""
    around = {number: pieces[number] for number in context(pieces, first, last)}
    active = [number for number, piece in around.items() if piece.is_active]
    knots = np.arange(first, last + 2, dtype=np.int64) * PIECE_NS
    if len(active) < CONTEXT_PIECES:
        hull = lower_hull(lower_points(around))
        straight = supporting(hull)
        at_ns = _sampled(around, first, last)
        return _line(knots, straight.at(knots), [lambda: likely(hull, around.values()).doubt_ns(straight, at_ns)])
    curve = _Curve(lower_points(around))
    error = curve.at(knots)
    start, end = active[CONTEXT_PIECES // 2], active[-CONTEXT_PIECES // 2]
    curve_first, curve_last = first, last
    doubts: list[Callable[[], float]] = []
    if sum(number < first for number in active) < CONTEXT_PIECES and first <= start:
        head = _End({number: around[number] for number in around if number <= active[CONTEXT_PIECES - 1]})
        error = np.where(knots < start * PIECE_NS, head.straight.at(knots), error)
        doubts.append(partial(head.doubt_ns, np.minimum(_sampled(around, first, last), start * PIECE_NS)))
        curve_first = start
    if sum(number > last for number in active) < CONTEXT_PIECES and last >= end:
        tail = _End({number: around[number] for number in around if number >= active[-CONTEXT_PIECES]})
        error = np.where(knots > (end + 1) * PIECE_NS, tail.straight.at(knots), error)
        doubts.append(partial(tail.doubt_ns, np.maximum(_sampled(around, first, last), (end + 1) * PIECE_NS)))
        curve_last = end
    if curve_first <= curve_last:
        doubts.append(partial(_curve_doubt_ns, curve, around, active, curve_first, curve_last))
    return _line(knots, error, doubts)


def _line(knots: Integers, error_ns: NDArray[np.float64], doubts_ns: Sequence[Callable[[], float]]) -> Line:
    def told_ns() -> float:
        return _UNCERTAINTY_FLOOR_NS + max(doubt_ns() for doubt_ns in doubts_ns)

    return Line(device_ns=knots, error_ns=np.rint(error_ns).astype(np.int64), told_ns=told_ns)


def _sampled(pieces: Pieces, first: int, last: int) -> Integers:
    """The first and the last time, of the pieces with those numbers; their edges where there is none."""
    inside = [pieces[number] for number in sorted(pieces) if first <= number <= last]
    if not inside:
        return np.array([first, last + 1], dtype=np.int64) * PIECE_NS
    return np.array([inside[0].first.device_ns, inside[-1].last.device_ns], dtype=np.int64)


class _End:
    """Of forty active pieces."""

    def __init__(self, pieces: Pieces) -> None:
        self._active = [number for number, piece in pieces.items() if piece.is_active]
        self._likely = likely(lower_hull(lower_points(pieces)), pieces.values())
        self.straight = self._likely.mean()

    def doubt_ns(self, at_ns: Integers) -> float:
        beyond = max(self._active[0] - int(at_ns.min()) // PIECE_NS, int(at_ns.max()) // PIECE_NS - self._active[-1])
        return _as_shown(self._likely.doubt_ns(self.straight, at_ns), self._likely.lateness_ns, beyond)


def _curve_doubt_ns(curve: "_Curve", pieces: Pieces, active: Sequence[int], first: int, last: int) -> float:
    """Between the pieces with those numbers, told by all."""
    least = [pieces[number].least for number in active]
    at_ns = np.array([point.device_ns for point in least], dtype=np.int64)
    excess_ns = np.array([point.delay_ns for point in least]) - curve.at(at_ns)
    records = np.array([pieces[number].samples / pieces[number].first.samples for number in active])
    gaps = [after - before - 1 for before, after in pairwise(active) if before <= last and after >= first]
    gap = max(gaps, default=0)
    doubt_ns = curve_doubt_ns(float(excess_ns.mean()), len(active), gap * PIECE_NS)
    return _as_shown(doubt_ns, float((excess_ns * records).mean()), gap)


def _as_shown(doubt_ns: float, lateness_ns: float, outage_pieces: int) -> float:
    is_shown = lateness_ns <= _SHOWN_LATENESS_NS and outage_pieces <= _SHOWN_PIECES
    return min(doubt_ns, _SHOWN_NS) if is_shown else doubt_ns


def context(pieces: Pieces, first: int, last: int) -> list[int]:
    """The numbers from `first` to `last`, and outwards until forty active pieces were met on each side."""
    numbers = sorted(pieces)
    inside = [number for number in numbers if first <= number <= last]
    before = _until_enough(pieces, [number for number in reversed(numbers) if number < first])
    after = _until_enough(pieces, [number for number in numbers if number > last])
    return [*reversed(before), *inside, *after]


def lower_points(pieces: Pieces) -> list[Point]:
    return [point for number in sorted(pieces) for point in pieces[number].points]


def _until_enough(pieces: Pieces, numbers: Sequence[int]) -> list[int]:
    taken, active = [], 0
    for number in numbers:
        if active == CONTEXT_PIECES:
            break
        taken.append(number)
        active += pieces[number].is_active
    return taken


class _Curve:
    """The greatest below all points that bends upwards by no more than WANDER."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._origin_ns = points[0].device_ns
        device_ns = np.array([point.device_ns - self._origin_ns for point in points], dtype=np.int64)
        lifted = np.array([point.delay_ns for point in points], dtype=np.float64) + _parabola(device_ns)
        self._hull = lower_hull(map(Point, device_ns.tolist(), np.rint(lifted).astype(np.int64).tolist()))

    def at(self, device_ns: Integers) -> NDArray[np.float64]:
        at = device_ns - self._origin_ns
        chain = np.interp(
            at.astype(np.float64),
            [point.device_ns for point in self._hull],
            [float(point.delay_ns) for point in self._hull],
        )
        return chain - _parabola(at)


def _parabola(device_ns: Integers) -> NDArray[np.float64]:
    seconds = device_ns / 1e9
    return WANDER / 2 * seconds * seconds * 1e9
