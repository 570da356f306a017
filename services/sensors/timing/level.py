"""Level of delays: what the messages of one setting of a device's clock have in common."""

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import groupby

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

    def apart_ns(self, point: Point) -> int:
        """To the nearest message that came at once, by device time: also where too few did for an active piece."""
        place = bisect_left(self._at_once, point)
        return min(abs(one.device_ns - point.device_ns) for one in self._at_once[max(place - 1, 0) : place + 1])

    def last_before(self, cloud_ns: int) -> Point | None:
        """The last message to come by then of those that came at once. None also if only bursts are known."""
        came = bisect_right(self._as_they_came, cloud_ns, key=_cloud_ns)
        return self._as_they_came[came - 1] if came and self.numbers else None

    def first_after(self, cloud_ns: int) -> Point | None:
        """The first message to come after it of those that came at once. None also if only bursts are known."""
        came = bisect_right(self._as_they_came, cloud_ns, key=_cloud_ns)
        return self._as_they_came[came] if came < len(self._as_they_came) and self.numbers else None

    def began_ns(self, cloud_ns: int) -> int:
        """The least device time of what came at once, and after then: there is some."""
        came = bisect_right(self._as_they_came, cloud_ns, key=_cloud_ns)
        return min(point.device_ns for point in self._as_they_came[came:])

    def was_going_on(self, point: Point) -> bool:
        """Messages came at once in one of the two pieces before the record's."""
        place = bisect_left(self.numbers, number := piece_number(point.device_ns))
        return place > 0 and self.numbers[place - 1] >= number - 2

    @cached_property
    def _at_once(self) -> list[Point]:
        """Messages that came at once, by device time, as far as hulls keep them."""
        points = (point for number in sorted(self._pieces) for point in self._pieces[number].points)
        return [point for point in points if self.excess_ns(point) <= self.tolerance_ns(point)]

    @cached_property
    def _as_they_came(self) -> list[Point]:
        return sorted(self._at_once, key=_cloud_ns)

    @cached_property
    def _cloud(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Pieces in which messages came at once, and from when to when they did."""
        numbers: list[int] = []
        spans: list[tuple[int, int]] = []
        for number, points in groupby(self._at_once, key=lambda point: piece_number(point.device_ns)):
            at_once = [point.cloud_ns for point in points]
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


def _cloud_ns(point: Point) -> int:
    return point.cloud_ns
