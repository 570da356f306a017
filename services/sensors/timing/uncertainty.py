"""How far a line under delays can be wrong, beyond the least delay: told by all lines that may be the true one.

A clock's error is a line below all delays, no steeper than clocks go. Lateness is taken for exponential: then of all
such lines one is the less likely, the further it lies below the highest at the mean time of the messages (Moon, Skelly
and Towsley, INFOCOM 1999, take that highest one). What all but one in ten thousand agree on is stated, and what a
crystal may wander where samples lie far from that time. So an era of few messages states more, and its ends more than
its middle.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import PIECE_NS, Piece, Point

WANDER = 5e-9  # per second: 5 ppm in a quarter of an hour
SLOPE_MAX = 6e-4  # NTP slews a clock by 5e-4, and crystals add 1e-4: what is steeper is chance
LATENESS_NS_MAX = 2_000_000_000
"""The mean lateness of messages that is expected at most, where too few came to tell it."""

_DOUBT = 1e-4
_DROPS, _SLOPES = 16.0, np.linspace(0, 1, 33)  # in mean latenesses of the lowest message: e**-16 is less than any doubt
_FLAT = 0.1  # an edge of a hull that is steeper has a burst at one end, or the outermost messages
_ENDS = 2  # pieces that a line touches, which tell nothing of how late messages are

Floats = NDArray[np.float64]


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


def likely(hull: Sequence[Point], pieces: Iterable[Piece]) -> "Likely":
    """`hull`: of the `pieces`."""
    line, active = supporting(hull), [piece for piece in pieces if piece.is_active]
    counts = np.array([_at_once(piece) for piece in active])
    least = [piece.least for piece in active]
    least_at = np.array([point.device_ns for point in least], dtype=np.int64)
    excess_ns = np.array([point.delay_ns for point in least], dtype=np.float64) - line.at(least_at)
    lateness_ns = _lateness_ns(float((counts * excess_ns).sum()), len(active))
    scale_ns = lateness_ns / max(counts.sum(), 1.0)
    mean_ns = int(np.average(least_at, weights=counts)) if counts.sum() > 0 else hull[0].device_ns
    device = np.array([point.device_ns - mean_ns for point in hull], dtype=np.float64)
    delay = np.array([point.delay_ns - hull[0].delay_ns for point in hull], dtype=np.float64)
    given = float(line.at(np.array([mean_ns]))[0]) - hull[0].delay_ns
    top = min(float(np.interp(0.0, device, delay)), float((delay + SLOPE_MAX * np.abs(device)).min()))
    heights = np.linspace(max(top, given), given - _DROPS * scale_ns, 129)
    after, before = device > 0, device < 0
    rises = (delay - heights[:, None])[:, after] / device[after]
    falls = (delay - heights[:, None])[:, before] / device[before]
    lowest = np.max(falls, axis=1, initial=-SLOPE_MAX)
    room = np.maximum(np.min(rises, axis=1, initial=SLOPE_MAX) - lowest, 0.0)
    weights = room * np.exp((heights - heights[0]) / scale_ns)
    return Likely(
        mean_ns=mean_ns,
        lateness_ns=lateness_ns,
        heights=heights + hull[0].delay_ns,
        lowest=lowest,
        room=room,
        weights=weights,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likely:
    """All lines that may be true. At the mean time of the messages they have `heights`; of each height slopes are
    equally likely from the lowest on, as far as there is room, and together as likely as its weight says.
    """

    mean_ns: int
    lateness_ns: float
    heights: Floats
    lowest: Floats
    room: Floats
    weights: Floats

    def mean(self) -> Straight:
        """Nearer to the true one than the highest, where that touches two messages which came shortly after another."""
        return Straight(
            device_ns=self.mean_ns,
            delay_ns=float(np.average(self.heights, weights=self.weights)),
            slope=float(np.average(self.lowest + self.room / 2, weights=self.weights)),
        )

    def doubt_ns(self, line: Straight, at_ns: NDArray[np.int64]) -> float:
        """How far that one can be wrong at some device times, the greatest."""
        slopes = self.lowest[:, None] + self.room[:, None] * _SLOPES
        weights = np.repeat(self.weights, _SLOPES.size)
        return max(
            _quantile(np.abs(self.heights[:, None] + slopes * float(at - self.mean_ns) - value).ravel(), weights)
            + _wander_ns(at - self.mean_ns)
            for at, value in zip(at_ns.tolist(), line.at(at_ns).tolist(), strict=True)
        )


def curve_doubt_ns(least_ns: float, pieces: int, gap_ns: int) -> float:
    """How far above the true one the greatest curve can run that lies below all delays and bends as clocks wander.

    To run so high, no message may have come from where it arches over the true one. `least_ns`: how late the least late
    message of a piece is, at the mean of that many pieces: so few come to a piece's time. `gap_ns`: in which none came.
    """
    area = -math.log(_DOUBT) * least_ns * (1 + 2 / math.sqrt(pieces)) / 1e9 * PIECE_NS / 1e9
    gap = gap_ns / 2e9
    low, high = WANDER / 2 * gap**2, 60.0
    for _ in range(40):
        height = (low + high) / 2
        reach = math.sqrt(2 * height / WANDER)
        if 2 * (height * (reach - gap) - WANDER / 6 * (reach**3 - gap**3)) < area:
            low = height
        else:
            high = height
    return high * 1e9


def _wander_ns(distance_ns: int) -> float:
    """What a clock can leave a line by, further from its middle than forty pieces reach."""
    squared = max(distance_ns**2 - (20 * PIECE_NS) ** 2, 0)
    return WANDER / 2 * squared / 1e9


def _quantile(off_ns: Floats, weights: Floats) -> float:
    in_order = np.argsort(off_ns)
    up_to = np.cumsum(weights[in_order])
    return float(off_ns[in_order][np.searchsorted(up_to, (1 - _DOUBT) * up_to[-1])])


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
