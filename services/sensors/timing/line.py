"""The line under a clock's delays: device time → true time, and how far that can be wrong.

Under a span of device time the greatest curve is taken that lies below all delays and bends upwards by no more than a
crystal's wander (semi-convex: the lower hull of delay + WANDER * t**2 / 2). At an era's ends, where a hull rises to
whatever the outermost messages took, the supporting line of the nearest forty pieces goes on instead (the edge over
their middle: Moon, Skelly and Towsley, INFOCOM 1999).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import PIECE_NS, Pieces, Point, lower_hull

CONTEXT_PIECES = 40
"""Active pieces on either side that a line is drawn with: 43 minutes."""

SLOPE_MAX = 6e-4  # NTP slews a clock by 5e-4, and crystals add 1e-4: what is steeper is chance
_WANDER = 5e-9  # per second: 5 ppm in a quarter of an hour
_UNCERTAINTY_FLOOR_NS = 3_000_000
_JITTER_SECONDS_PRIOR = 2.0
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
    points = lower_points(around)
    active = [number for number, piece in around.items() if piece.is_active]
    knots = np.arange(first, last + 2, dtype=np.int64) * PIECE_NS
    if len(active) <= CONTEXT_PIECES:
        error = _supporting(points, knots)
    else:
        error = _semi_convex(points, knots)
        start, end = active[CONTEXT_PIECES // 2], active[-CONTEXT_PIECES // 2]
        if sum(number < first for number in active) < CONTEXT_PIECES and first <= start:
            head = {number: around[number] for number in around if number <= active[CONTEXT_PIECES - 1]}
            error = np.where(knots < start * PIECE_NS, _supporting(lower_points(head), knots), error)
        if sum(number > last for number in active) < CONTEXT_PIECES and last >= end:
            tail = {number: around[number] for number in around if number >= active[-CONTEXT_PIECES]}
            error = np.where(knots > (end + 1) * PIECE_NS, _supporting(lower_points(tail), knots), error)
    whole = np.rint(error).astype(np.int64)
    found = Line(device_ns=knots, error_ns=whole, uncertainty_ns=0)
    return Line(device_ns=knots, error_ns=whole, uncertainty_ns=_uncertainty(found, around, active))


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


def _supporting(points: Sequence[Point], knots: Integers) -> NDArray[np.float64]:
    """The line under all points over the middle of their time; level under the lowest, if none so flat is."""
    hull = lower_hull(points)
    middle = (hull[0].device_ns + hull[-1].device_ns) / 2
    for left, right in pairwise(hull):
        if left.device_ns <= middle <= right.device_ns:
            slope = (right.delay_ns - left.delay_ns) / (right.device_ns - left.device_ns)
            if abs(slope) <= SLOPE_MAX:
                return left.delay_ns + slope * (knots - left.device_ns).astype(np.float64)
    return np.full(knots.size, float(min(point.delay_ns for point in hull)))


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


def _uncertainty(found: Line, around: Pieces, active: Sequence[int]) -> int:
    """Beyond the least delay. The least delay of a minute tells how they scatter, and that how near the line came."""
    minutes = len(active)
    if minutes == 0:
        return round(_JITTER_SECONDS_PRIOR * 1e9)
    least = [around[number].least for number in active]
    at = np.array([point.device_ns for point in least], dtype=np.int64)
    inside = (at >= found.device_ns[0]) & (at <= found.device_ns[-1])
    excess = at + np.array([point.delay_ns for point in least], dtype=np.int64) - found.true_ns(at)
    typical_ns = float(np.median(excess[inside])) if inside.any() else 0.0
    records = sum(around[number].samples for number in active) / max(around[active[0]].first.samples, 1)
    prior_ns = _JITTER_SECONDS_PRIOR * 1e9 / max(records, 1)
    return round(_UNCERTAINTY_FLOOR_NS + _CERTAINTY * (typical_ns / math.sqrt(minutes) / 4 + prior_ns))
