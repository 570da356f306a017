"""The line under a clock's delays: device time → true time, and how far that can be wrong.

Under a span of device time the greatest curve is taken that lies below all delays and bends upwards by no more than a
crystal's wander (semi-convex: the lower hull of delay + WANDER * t**2 / 2). At an era's ends, where a hull rises to
whatever the outermost messages took, the supporting line of the nearest forty pieces goes on instead (the edge over
their middle: Moon, Skelly and Towsley, INFOCOM 1999).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import PIECE_NS, Piece, Pieces, Point, lower_hull
from services.sensors.timing.uncertainty import LATENESS_NS_MAX, Straight, doubt_ns, supporting

CONTEXT_PIECES = 40
"""Active pieces on either side that a line is drawn with: 43 minutes."""

_WANDER = 5e-9  # per second: 5 ppm in a quarter of an hour
_UNCERTAINTY_FLOOR_NS = 3_000_000
_CERTAINTY = 6.0

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """The clock's error at knots of device time, straight between and level beyond them."""

    device_ns: Integers
    error_ns: Integers
    uncertainty_ns: int

    def true_ns(self, device_ns: Integers) -> Integers:
        base = int(self.device_ns[0])
        error = np.interp((device_ns - base).astype(np.float64), self.device_ns - base, self.error_ns)
        return device_ns + np.rint(error).astype(np.int64)


def line(pieces: Pieces, first: int, last: int) -> Line:
    """For the pieces with numbers `first` to `last`, from those and `context` around them; one at least is there."""
    around = {number: pieces[number] for number in context(pieces, first, last)}
    active = [number for number, piece in around.items() if piece.is_active]
    knots = np.arange(first, last + 2, dtype=np.int64) * PIECE_NS
    if len(active) <= CONTEXT_PIECES:
        hull = lower_hull(lower_points(around))
        straight = supporting(hull)
        at_ns = _sampled(around, first, last)
        return _line(knots, straight.at(knots), doubt_ns(straight, hull, around.values(), at_ns))
    error = curve = _semi_convex(lower_points(around), knots)
    start, end = active[CONTEXT_PIECES // 2], active[-CONTEXT_PIECES // 2]
    curve_first, curve_last, doubts = first, last, []
    if sum(number < first for number in active) < CONTEXT_PIECES and first <= start:
        straight, doubt = _end({number: around[number] for number in around if number <= active[CONTEXT_PIECES - 1]})
        error = np.where(knots < start * PIECE_NS, straight.at(knots), error)
        doubts, curve_first = [doubt], start
    if sum(number > last for number in active) < CONTEXT_PIECES and last >= end:
        straight, doubt = _end({number: around[number] for number in around if number >= active[-CONTEXT_PIECES]})
        error = np.where(knots > (end + 1) * PIECE_NS, straight.at(knots), error)
        doubts, curve_last = [*doubts, doubt], end
    least = [around[number].least for number in active if curve_first <= number <= curve_last]
    at = np.array([point.device_ns for point in least], dtype=np.int64)
    under = np.interp((at - knots[0]).astype(np.float64), knots - knots[0], curve)
    return _line(knots, error, max([*doubts, _scatter_ns(least, under, [around[number] for number in active])]))


def _line(knots: Integers, error_ns: NDArray[np.float64], doubt_ns: float) -> Line:
    whole = np.rint(error_ns).astype(np.int64)
    return Line(device_ns=knots, error_ns=whole, uncertainty_ns=round(_UNCERTAINTY_FLOOR_NS + doubt_ns))


def _sampled(pieces: Pieces, first: int, last: int) -> Integers:
    """The first and the last time, of the pieces with those numbers; their edges where there is none."""
    inside = [pieces[number] for number in sorted(pieces) if first <= number <= last]
    if not inside:
        return np.array([first, last + 1], dtype=np.int64) * PIECE_NS
    return np.array([inside[0].first.device_ns, inside[-1].last.device_ns], dtype=np.int64)


def _end(pieces: Pieces) -> tuple[Straight, float]:
    """Of forty active pieces."""
    found = supporting(lower_hull(lower_points(pieces)))
    active = [piece for piece in pieces.values() if piece.is_active]
    least = [piece.least for piece in active]
    at = np.array([point.device_ns for point in least], dtype=np.int64)
    return found, _scatter_ns(least, found.at(at), active)


def _scatter_ns(least: Sequence[Point], under_ns: NDArray[np.float64], active: Sequence[Piece]) -> float:
    """Beyond the least delay, where many pieces tell a line: how their least delays scatter over it."""
    excess = np.array([point.delay_ns for point in least], dtype=np.float64) - under_ns
    typical_ns = float(np.median(excess)) if least else 0.0
    records = sum(piece.samples for piece in active) / active[0].first.samples
    return _CERTAINTY * (typical_ns / math.sqrt(len(active)) / 4 + LATENESS_NS_MAX / records)


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


def _semi_convex(points: Sequence[Point], knots: Integers) -> NDArray[np.float64]:
    origin = points[0].device_ns
    device_ns = np.array([point.device_ns - origin for point in points], dtype=np.int64)
    lifted = np.array([point.delay_ns for point in points], dtype=np.float64) + _parabola(device_ns)
    whole = np.rint(lifted).astype(np.int64)
    hull = lower_hull(map(Point, device_ns.tolist(), whole.tolist()))
    at = knots - origin
    chain = np.interp(
        at.astype(np.float64), [point.device_ns for point in hull], [float(point.delay_ns) for point in hull]
    )
    return chain - _parabola(at)


def _parabola(device_ns: Integers) -> NDArray[np.float64]:
    seconds = device_ns / 1e9
    return _WANDER / 2 * seconds * seconds * 1e9
