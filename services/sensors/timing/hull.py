"""Lower hull of a device clock's delays: what is kept of one era, in fixed pieces of device time.

A delay is cloud_t - device_t: the clock's error plus a delivery that never takes less than no time, so the least
ones tell the clock. A piece keeps the lower convex hull of its records' delays, the first and the last record, and
how many samples came. Pieces merge by value: no order and no partition of the records matters.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PIECE_NS = 64_000_000_000
"""Of device time. Longer ones would bridge a clock's wander, shorter ones would keep most records."""

_ACTIVE_RATIO = 0.5


class Point(NamedTuple):
    device_ns: int
    delay_ns: int

    @property
    def cloud_ns(self) -> int:
        return self.device_ns + self.delay_ns


class End(NamedTuple):
    """A record at an end of a piece: the device time of its last sample, and how many it has on each axis."""

    device_ns: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`points`: the hull, by device time. `samples`: of one axis, of all records."""

    points: tuple[Point, ...]
    first: End
    last: End
    samples: int

    @property
    def least(self) -> Point:
        return min(self.points, key=lambda point: (point.delay_ns, point.device_ns))

    @property
    def is_active(self) -> bool:
        """Messages came as the device sampled. In a burst the cloud's clock stands still, and delays fall.

        Told by when the first and the last came, whichever those are: the first sampled is late by chance.
        """
        cloud_ns = [point.cloud_ns for point in self.points]
        return max(cloud_ns) - min(cloud_ns) > _ACTIVE_RATIO * (self.points[-1].device_ns - self.points[0].device_ns)


Pieces = Mapping[int, Piece]
"""By number: device time // PIECE_NS."""


def piece_number(device_ns: int) -> int:
    return device_ns // PIECE_NS


def piece_of(device_ns: int, cloud_ns: int, samples: int) -> Piece:
    """Of one record. The times are of its last sample."""
    end = End(device_ns, samples)
    return Piece(points=(Point(device_ns, cloud_ns - device_ns),), first=end, last=end, samples=samples)


def pieces_of(records: Iterable[tuple[int, int, int]]) -> dict[int, Piece]:
    """Of different records, each its device time, its cloud time and its samples: by number."""
    by_number: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for record in records:
        by_number[piece_number(record[0])].append(record)
    return {number: _piece_of_all(of_piece) for number, of_piece in by_number.items()}


def _piece_of_all(records: Sequence[tuple[int, int, int]]) -> Piece:
    ends = [End(device_ns, samples) for device_ns, _, samples in records]
    return Piece(
        points=lower_hull(Point(device_ns, cloud_ns - device_ns) for device_ns, cloud_ns, _ in records),
        first=min(ends),
        last=max(ends),
        samples=sum(end.samples for end in ends),
    )


def merged(one: Piece | None, other: Piece) -> Piece:
    """Of the records of both, which are different ones (a record that came twice is `lowered` instead)."""
    if one is None:
        return other
    return Piece(
        points=lower_hull((*one.points, *other.points)),
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        samples=one.samples + other.samples,
    )


def lowered(piece: Piece, point: Point) -> Piece:
    """With another arrival of a record that is in it: only the delay may be a lesser one."""
    return Piece(points=lower_hull((*piece.points, point)), first=piece.first, last=piece.last, samples=piece.samples)


def lower_hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that a line can touch from below, by device time (Andrew's monotone chain, in whole numbers)."""
    hull: list[Point] = []
    for point in sorted(set(points)):
        if hull and hull[-1].device_ns == point.device_ns:
            continue  # the same time with a greater delay
        while len(hull) >= 2 and _is_above(hull[-1], hull[-2], point):
            hull.pop()
        hull.append(point)
    return tuple(hull)


def _is_above(middle: Point, left: Point, right: Point) -> bool:
    """The middle one is on or above the line between its neighbours."""
    rise = (right.delay_ns - left.delay_ns) * (middle.device_ns - left.device_ns)
    return (middle.delay_ns - left.delay_ns) * (right.device_ns - left.device_ns) >= rise
