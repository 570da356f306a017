"""How far a straight line under delays can be wrong, beyond the least delay: told by all that may be the true one.

A clock's error is a line below all delays, no steeper than clocks go. Lateness is taken for exponential: then of all
such lines one is the less likely, the further it lies below the highest at the mean time of the messages (Moon, Skelly
and Towsley, INFOCOM 1999, take that highest one). What all but one in ten thousand agree on is stated. So an era of few
messages states more, and its ends more than its middle.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import Piece, Point

SLOPE_MAX = 6e-4  # NTP slews a clock by 5e-4, and crystals add 1e-4: what is steeper is chance
LATENESS_NS_MAX = 2_000_000_000
"""The mean lateness of messages that is expected at most, where too few came to tell it."""

_DOUBT = 1e-4
_DROPS, _SLOPES = 16.0, np.linspace(0, 1, 33)  # in mean latenesses of the lowest message: e**-16 is less than any doubt
_FLAT = 0.1  # an edge of a hull that is steeper has a burst at one end, or the outermost messages
_ENDS = 2  # pieces that a line touches, which tell nothing of how late messages are


@dataclass(frozen=True, slots=True, kw_only=True)
class Straight:
    """A line of delays by device time."""

    device_ns: float
    delay_ns: float
    slope: float

    def at(self, device_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.delay_ns + self.slope * (device_ns - self.device_ns).astype(np.float64)


def supporting(hull: Sequence[Point]) -> Straight:
    """The line under all points over the middle of their time; level under the lowest, if none so flat is."""
    middle = (hull[0].device_ns + hull[-1].device_ns) / 2
    for left, right in pairwise(hull):
        if left.device_ns <= middle <= right.device_ns:
            slope = (right.delay_ns - left.delay_ns) / (right.device_ns - left.device_ns)
            if abs(slope) <= SLOPE_MAX:
                return Straight(device_ns=left.device_ns, delay_ns=left.delay_ns, slope=slope)
    return Straight(device_ns=middle, delay_ns=min(point.delay_ns for point in hull), slope=0.0)


def doubt_ns(line: Straight, hull: Sequence[Point], pieces: Iterable[Piece], at_ns: NDArray[np.int64]) -> float:
    """At some device times, the greatest. `hull`: of the `pieces`, under which the line was drawn."""
    active = [piece for piece in pieces if piece.is_active]
    counts = np.array([_at_once(piece) for piece in active])
    least = [piece.least for piece in active]
    least_at = np.array([point.device_ns for point in least], dtype=np.int64)
    excess_ns = np.array([point.delay_ns for point in least], dtype=np.float64) - line.at(least_at)
    lateness_ns = _lateness_ns(float((counts * excess_ns).sum()), len(active))
    scale_ns = lateness_ns / max(counts.sum(), 1.0)
    mean = int(np.average(least_at, weights=counts)) if counts.sum() > 0 else hull[0].device_ns
    off = _deviations(line, hull, mean, scale_ns, at_ns)
    return max(_quantile(np.abs(of_one), off.weights) for of_one in off.ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deviations:
    """Of all lines that may be true: how far each is off at each time, and how likely it is."""

    ns: list[NDArray[np.float64]]
    weights: NDArray[np.float64]


def _deviations(
    line: Straight, hull: Sequence[Point], mean_ns: int, scale_ns: float, at_ns: NDArray[np.int64]
) -> _Deviations:
    device = np.array([point.device_ns - mean_ns for point in hull], dtype=np.float64)
    delay = np.array([point.delay_ns for point in hull], dtype=np.float64)
    given = float(line.at(np.array([mean_ns]))[0])
    top = min(float(np.interp(0.0, device, delay)), float((delay + SLOPE_MAX * np.abs(device)).min()))
    heights = np.linspace(max(top, given), given - _DROPS * scale_ns, 129)
    after, before = device > 0, device < 0
    rises = (delay - heights[:, None])[:, after] / device[after]
    falls = (delay - heights[:, None])[:, before] / device[before]
    highest = np.min(rises, axis=1, initial=SLOPE_MAX)
    lowest = np.max(falls, axis=1, initial=-SLOPE_MAX)
    room = np.maximum(highest - lowest, 0.0)
    slopes = lowest[:, None] + room[:, None] * _SLOPES
    weights = np.repeat(room * np.exp((heights - heights[0]) / scale_ns), _SLOPES.size)
    off = [
        (heights[:, None] + slopes * float(at - mean_ns) - value).ravel()
        for at, value in zip(at_ns.tolist(), line.at(at_ns).tolist(), strict=True)
    ]
    return _Deviations(ns=off, weights=weights)


def _quantile(off_ns: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    in_order = np.argsort(off_ns)
    likely = np.cumsum(weights[in_order])
    return float(off_ns[in_order][np.searchsorted(likely, (1 - _DOUBT) * likely[-1])])


def _lateness_ns(excess_ns: float, pieces: int) -> float:
    """Mean of messages, from the least of each piece times how many that is the least of; rather too great a one."""
    if pieces <= _ENDS:
        return LATENESS_NS_MAX
    told = excess_ns / (pieces - _ENDS)
    return max(min(told * (1 + 2 / math.sqrt(pieces - _ENDS)), max(LATENESS_NS_MAX, told)), 1.0)


def _at_once(piece: Piece) -> float:
    """How many of its messages came as the device sampled: those of a burst came at one moment."""
    edges = list(pairwise(piece.points))
    flat_ns = sum(
        after.device_ns - before.device_ns
        for before, after in edges
        if abs(after.delay_ns - before.delay_ns) <= _FLAT * (after.device_ns - before.device_ns)
    )
    span_ns = piece.points[-1].device_ns - piece.points[0].device_ns
    return float(piece.samples / piece.first.samples * flat_ns / span_ns)
