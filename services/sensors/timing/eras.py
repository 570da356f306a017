"""Eras of a device's clock: from one setting of it to the next, told by the level of its delays.

A clock that is set moves all delays after it; a device that was cut off sends what it kept in one burst, with delays
that fall to the level as fast as its clock runs. So a level begins an era only when the device's clock and the cloud's
go on together, and no other level does meanwhile. A record that fits no level waits for that, or goes to the era it
is least late for. Decided of the records, not of their order.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.sensors.timing.hull import PIECE_NS, Piece, Pieces, Point, merged, piece_number, piece_of, pieces_of

BAND_NS = 5_000_000_000
"""Records of one level differ by no more than this, usually; smaller steps of a clock are not told from delays."""

_DRIFT = 2e-4
_TOGETHER_RECORDS, _TOGETHER_NS, _TOGETHER_RATIO = 4, 3_000_000_000, 0.7
_APART_NS = 60_000_000_000
_MEANWHILE_NS = 30_000_000_000
_SLACK_NS = 60_000_000_000
_SILENCE_NS = 86_400_000_000_000  # of a day: nobody knows whether the clock went on meanwhile
SILENCE_PIECES = _SILENCE_NS // PIECE_NS
"""Further than that from its pieces no record lies on a level."""


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
        return distance_ns <= _SILENCE_NS and abs(point.delay_ns - nearest.delay_ns) <= _tolerance_ns(distance_ns)

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
        return abs(point.cloud_ns - self.lowest.cloud_ns) <= _APART_NS

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """`eras`: of each record by its place, None while it waits. New eras have numbers after the known ones."""

    eras: tuple[int | None, ...]

    @property
    def waiting(self) -> list[int]:
        return [place for place, era in enumerate(self.eras) if era is None]


def assign(
    known: Mapping[int, Pieces],
    records: Sequence[Point],
    *,
    newest: int,
    decide_all: bool,
    again: Callable[[int], int | None] = lambda _place: None,
) -> Assigned:
    """The era of each record. `newest`: the greatest number given to an era yet. `decide_all`: none may wait longer.

    `again`: place → the era in which the record is already; asked of those that would begin an era.
    """
    eras: list[int | None] = [None] * len(records)
    pieces = {era: dict(of_era) for era, of_era in known.items()}
    levels = {era: Level(of_era) for era, of_era in pieces.items()}
    waiting = _fit(levels, pieces, records, range(len(records)), eras)
    while found := _together(levels, records, _first_times(records, waiting, eras)):
        repeated = {place: era for place in found if (era := again(place)) is not None}
        if repeated:  # late by chance: they tell no level
            for place, era in repeated.items():
                eras[place] = era
            waiting = [place for place in waiting if place not in repeated]
            continue
        newest += 1
        pieces[newest] = {}
        for place in found:
            eras[place] = newest
        _note(levels, pieces, newest, [records[place] for place in found])
        waiting = _fit(levels, pieces, records, [place for place in waiting if eras[place] is None], eras)
    if decide_all:
        newest = _decide(levels, records, waiting, eras, newest)
    return Assigned(eras=tuple(eras))


def _fit(
    levels: dict[int, Level],
    pieces: Mapping[int, dict[int, Piece]],
    records: Sequence[Point],
    places: Iterable[int],
    eras: list[int | None],
) -> list[int]:
    """Gives the records that lie on a level to its era, and returns the places of the others."""
    left: list[int] = []
    fitted: defaultdict[int, list[Point]] = defaultdict(list)
    for place in places:
        point = records[place]
        fitting = [era for era, of_era in levels.items() if of_era.fits(point)]
        if fitting:
            era = fitting[0]
            if len(fitting) > 1:
                era = min(fitting, key=lambda era: (levels[era].distance_ns(point), era))
            eras[place] = era
            fitted[era].append(point)
        else:
            left.append(place)
    for era, points in fitted.items() if left else ():
        _note(levels, pieces, era, points)
    return left


def _note(levels: dict[int, Level], pieces: Mapping[int, dict[int, Piece]], era: int, points: Iterable[Point]) -> None:
    for number, piece in pieces_of((point.device_ns, point.cloud_ns, 1) for point in points).items():
        pieces[era][number] = merged(pieces[era].get(number), piece)
    levels[era] = Level(pieces[era])


def _first_times(records: Sequence[Point], waiting: Sequence[int], eras: Sequence[int | None]) -> list[int]:
    """Without those that are an assigned record come again: a repetition is late by chance, and tells no level."""
    known = {records[place].device_ns for place, era in enumerate(eras) if era is not None}
    return [place for place in waiting if records[place].device_ns not in known]


def _together(levels: Mapping[int, Level], records: Sequence[Point], waiting: Sequence[int]) -> list[int]:
    """The lowest records on one level in which both clocks went on together while no known level did; or none."""
    by_delay = sorted(waiting, key=lambda place: records[place].delay_ns)
    stop = 0
    for first, place in enumerate(by_delay):
        least_ns = records[place].delay_ns
        while stop < len(by_delay) and records[by_delay[stop]].delay_ns <= least_ns + BAND_NS:
            stop += 1
        if stop - first < _TOGETHER_RECORDS:
            continue
        band = sorted(by_delay[first:stop], key=lambda one: records[one].cloud_ns)
        groups = [group for group in _groups(records, band) if place in group and _go_on(levels, records, group)]
        if groups:
            return groups[0]
    return []


def _groups(records: Sequence[Point], band: Sequence[int]) -> list[list[int]]:
    """Cut where nothing came for a minute."""
    groups: list[list[int]] = []
    for place in band:
        if groups and records[place].cloud_ns - records[groups[-1][-1]].cloud_ns <= _APART_NS:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _go_on(levels: Mapping[int, Level], records: Sequence[Point], group: Sequence[int]) -> bool:
    cloud = [records[place].cloud_ns for place in group]
    device = [records[place].device_ns for place in group]
    cloud_span, device_span = cloud[-1] - cloud[0], max(device) - min(device)
    middle = (cloud[0] + cloud[-1]) // 2
    return (
        len(group) >= _TOGETHER_RECORDS
        and device_span >= _TOGETHER_NS
        and cloud_span >= max(_TOGETHER_NS, _TOGETHER_RATIO * device_span)
        and not any(of_era.is_active_at(middle) for of_era in levels.values())
    )


def _decide(
    levels: dict[int, Level], records: Sequence[Point], waiting: Sequence[int], eras: list[int | None], newest: int
) -> int:
    """Each goes to the era it is least late for, near whose messages it was sampled; else the lowest begins one."""
    for place in sorted(waiting, key=lambda place: (records[place].delay_ns, records[place].device_ns)):
        point = records[place]
        late = {era: of_era.excess_ns(point) for era, of_era in levels.items() if of_era.lowest is not None}
        late = {era: excess for era, excess in late.items() if excess >= -levels[era].tolerance_ns(point)}
        near = {era: excess for era, excess in late.items() if levels[era].distance_ns(point) <= excess + _SLACK_NS}
        chosen = near or {era: excess for era, excess in late.items() if levels[era].distance_ns(point) <= _SILENCE_NS}
        if chosen:
            eras[place] = min(chosen, key=lambda era: (chosen[era], era))
        else:
            newest += 1
            number = piece_number(point.device_ns)
            levels[newest] = Level({number: piece_of(point.device_ns, point.cloud_ns, 1)})
            eras[place] = newest
    return newest
