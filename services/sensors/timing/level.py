"""Level of delays: what the messages of one setting of a device's clock have in common."""

from bisect import bisect_left
from functools import cached_property

from services.sensors.timing.hull import PIECE_NS, Pieces, Point, piece_number

BAND_NS = 5_000_000_000
"""Records of one level differ by no more than this, usually; smaller steps of a clock are not told from delays."""
APART_NS = 60_000_000_000
"""What comes later than that after other messages is no part of their burst."""
SILENCE_NS = 86_400_000_000_000  # of a day: nobody knows whether the clock went on meanwhile
SILENCE_PIECES = SILENCE_NS // PIECE_NS
"""Further than that from its pieces no record lies on a level."""

_DRIFT = 2e-4
_MEANWHILE_NS = 30_000_000_000


class Level:
    """What telling eras apart needs of one: its active pieces in order, when messages came, and its least delay."""

    def __init__(self, pieces: Pieces) -> None:
        """`pieces`: those known of an era, or those around the time that is asked for."""
        self._pieces = pieces
        self.numbers = [number for number in sorted(pieces) if pieces[number].is_active]

    @cached_property
    def lowest(self) -> Point | None:
        return min((piece.least for piece in self._pieces.values()), key=lambda least: least.delay_ns, default=None)

    def excess_ns(self, point: Point) -> int:
        """How much later than the level; negative: before it."""
        nearest = self._nearest(point)
        return point.delay_ns - nearest.delay_ns

    def tolerance_ns(self, point: Point) -> int:
        return _tolerance_ns(self.distance_ns(point))

    def distance_ns(self, point: Point) -> int:
        """To the nearest piece in which messages came at once, by device time."""
        return abs(point.device_ns - self._nearest(point).device_ns)

    def fits(self, point: Point) -> bool:
        if not self.numbers:
            # Known from a burst only, which may yet fall to its level.
            return self.excess_ns(point) <= 0 and self._falls_to(point)
        nearest = self._nearest(point)  # once: each record of each device is asked
        distance_ns = abs(point.device_ns - nearest.device_ns)
        return distance_ns <= SILENCE_NS and abs(point.delay_ns - nearest.delay_ns) <= _tolerance_ns(distance_ns)

    def is_active_at(self, cloud_ns: int) -> bool:
        """Messages of this level came shortly before and shortly after."""
        numbers, spans = self._cloud
        if not spans:
            return False
        piece = (cloud_ns - self.lowest.delay_ns) // PIECE_NS if self.lowest else 0
        place = bisect_left(numbers, piece)
        near = spans[max(place - 3, 0) : place + 3]
        return any(cloud_ns - _MEANWHILE_NS <= last and first <= cloud_ns for first, last in near) and any(
            first <= cloud_ns + _MEANWHILE_NS and cloud_ns <= last for first, last in near
        )

    def active_ns(self, from_ns: int, to_ns: int) -> int:
        """How much of that time of the cloud's messages of this level came in."""
        _, spans = self._cloud
        return sum(max(min(last, to_ns) - max(first, from_ns), 0) for first, last in spans)

    def last_came_ns(self, cloud_ns: int) -> int | None:
        """When the last message of this level came that came at once, before that time."""
        _, spans = self._cloud
        return max((min(last, cloud_ns) for first, last in spans if first <= cloud_ns), default=None)

    def is_before(self, point: Point) -> bool:
        """Whether it was sampled after all messages that came at once, by a day at most."""
        if not self.numbers or self.distance_ns(point) > SILENCE_NS:
            return False
        return piece_number(point.device_ns) >= self.numbers[-1]

    @cached_property
    def _cloud(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Pieces in which messages came at once, and from when to when they did."""
        numbers: list[int] = []
        spans: list[tuple[int, int]] = []
        for number in sorted(self._pieces):
            points = self._pieces[number].points
            at_once = [point.cloud_ns for point in points if self.excess_ns(point) <= self.tolerance_ns(point)]
            if at_once:
                numbers.append(number)
                spans.append((min(at_once), max(at_once)))
        return numbers, spans

    def _falls_to(self, point: Point) -> bool:
        if self.lowest is None:
            return False
        return abs(point.cloud_ns - self.lowest.cloud_ns) <= APART_NS

    def _nearest(self, point: Point) -> Point:
        if not self.numbers:
            if self.lowest is None:
                raise ValueError("a level without records")
            return self.lowest
        place = bisect_left(self.numbers, piece_number(point.device_ns))
        near = [self._pieces[number].least for number in self.numbers[max(place - 1, 0) : place + 1]]
        return min(near, key=lambda least: abs(least.device_ns - point.device_ns))


def _tolerance_ns(distance_ns: int) -> int:
    return BAND_NS + round(_DRIFT * distance_ns)
