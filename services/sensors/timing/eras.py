"""Eras of a device's clock: from one setting of it to the next, told by the level of its delays.

A clock that is set moves all delays after it; a device that was cut off sends what it kept in one burst, with delays
that fall to the level as fast as its clock runs. So a level begins an era only when the device's clock and the cloud's
go on together, and no other level does meanwhile. A record that fits no level waits for that, or is decided as one
that came late (backlog.py). Decided of the records, not of their order.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.sensors.timing.backlog import between_eras, divided, least_late, may_be_kept
from services.sensors.timing.hull import Piece, Pieces, Point, merged, pieces_of
from services.sensors.timing.level import APART_NS, BAND_NS, Level

_ONE_LEVEL_NS = BAND_NS // 2
_TOGETHER_MOMENTS, _TOGETHER_NS, _TOGETHER_RATIO = 4, 3_000_000_000, 0.7
_MOMENT_NS = 500_000_000

Again = Callable[[Sequence[int]], Mapping[int, int]]
"""Of records by their places, those that are in an era already, with that era."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """`eras`: of each record by its place, None while it waits. New eras have numbers after the known ones."""

    eras: tuple[int | None, ...]


def assign(
    known: Mapping[int, Pieces],
    records: Sequence[Point],
    *,
    newest: int,
    due: Collection[int],
    spans_ns: Sequence[int] = (),
    again: Again = lambda _places: {},
) -> Assigned:
    """The era of each record. `newest`: the greatest number given to an era yet. `due`: places that may wait no longer.

    `spans_ns`: of device time, that each record's samples take; without them no backlog is divided between two eras.
    `again` is asked of those that would begin an era, or go to the one they are least late for.
    """
    eras: list[int | None] = [None] * len(records)
    pieces = {era: dict(of_era) for era, of_era in known.items()}
    levels = {era: Level(of_era) for era, of_era in pieces.items()}
    waiting = _fit(levels, pieces, records, range(len(records)), eras)
    while found := _together(levels, records, _first_times(records, waiting, eras)):
        if _take_repeated(found, eras, again):  # late by chance: they tell no level
            waiting = [place for place in waiting if eras[place] is None]
            continue
        newest += 1
        pieces[newest] = {}
        for place in found:
            eras[place] = newest
        _note(levels, pieces, newest, [records[place] for place in found])
        waiting = _fit(levels, pieces, records, [place for place in waiting if eras[place] is None], eras)
    if doubtful := _doubtful(known, levels, records, eras):
        for place in doubtful:
            eras[place] = None
        levels = _levels(known, records, eras)
        waiting = [place for place, era in enumerate(eras) if era is None]
    kept = between_eras(levels, records, waiting, due) if spans_ns else {}
    late = sorted({place for place in waiting if place in due}.union(*kept.values()))
    if late:
        _take_repeated(late, eras, again)
        for between, places in kept.items():
            left = [place for place in places if eras[place] is None]
            for place, era in divided(levels, records, spans_ns, left, between).items():
                eras[place] = era
        left = [place for place in late if eras[place] is None]
        for place, era in least_late(levels, records, left, newest).items():
            eras[place] = era
    return Assigned(eras=tuple(eras))


def of_one_level(
    known: Mapping[int, Pieces], records: Sequence[Point], assigned: Assigned, others: Mapping[int, Collection[int]]
) -> dict[int, int]:
    """Records that are not told from those of another era by their level, and have a time of which that has samples.

    `others`: by a record's place, the eras that have samples of its time. A late message may have begun an era where
    one went on: then of one setting of the clock there are two.
    """
    levels = {era: Level(pieces) for era, pieces in known.items()}
    found = {}
    for place, eras in others.items():
        its, point = assigned.eras[place], records[place]
        if its is None or its not in levels or its in eras:
            continue
        fits = levels[its].fits(point)  # else it is too late for the other one as well
        like = [
            era for era in eras if (levels[era].fits(point) or not fits) and _is_of(levels[era], levels[its], point)
        ]
        if like:
            found[place] = like[0]
    return found


def _is_of(level: Level, given: Level, point: Point) -> bool:
    """Whether the record may be of the one as well as of the level it was given to, or better: none comes too soon."""
    excess_ns, given_ns = level.excess_ns(point), given.excess_ns(point)
    return abs(excess_ns - given_ns) <= _ONE_LEVEL_NS or given_ns < 0 <= excess_ns


def _take_repeated(places: Sequence[int], eras: list[int | None], again: Again) -> bool:
    """Gives those that are in an era already to it. Whether any was."""
    repeated = again(places)
    for place, era in repeated.items():
        eras[place] = era
    return bool(repeated)


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
    for number, piece in _pieces(points).items():
        pieces[era][number] = merged(pieces[era].get(number), piece)
    levels[era] = Level(pieces[era])


def _pieces(points: Iterable[Point]) -> dict[int, Piece]:
    return pieces_of((point.device_ns, point.cloud_ns, 1) for point in points)


def _levels(known: Mapping[int, Pieces], records: Sequence[Point], eras: Sequence[int | None]) -> dict[int, Level]:
    """As they are with those records."""
    its: defaultdict[int, list[Point]] = defaultdict(list)
    for point, era in zip(records, eras, strict=True):
        if era is not None:
            its[era].append(point)
    pieces = {era: dict(of_era) for era, of_era in known.items()}
    for era, points in its.items():
        of_era = pieces.setdefault(era, {})
        for number, piece in _pieces(points).items():
            of_era[number] = merged(of_era.get(number), piece)
    return {era: Level(of_era) for era, of_era in pieces.items()}


def _doubtful(
    known: Mapping[int, Pieces],
    levels: Mapping[int, Level],
    records: Sequence[Point],
    eras: Sequence[int | None],
) -> list[int]:
    """Those that lie on a level that they would begin, and may have been kept since another one went on."""
    first = [
        (place, era)
        for place, era in enumerate(eras)
        if era is not None and len(levels) > 1 and not levels[era].was_going_on(records[place])
    ]
    levels = _levels(known, records, eras) if first else {}
    return [place for place, era in first if may_be_kept(levels, records[place], era)]


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
        if stop - first < _TOGETHER_MOMENTS:
            continue
        band = sorted(by_delay[first:stop], key=lambda one: records[one].cloud_ns)
        group = next(group for group in _groups(records, band) if place in group)
        if _go_on(levels, records, group):
            at_once = _come_at_once(levels, records, group)
            if place in at_once and (len(at_once) == len(group) or _go_on(levels, records, at_once)):
                return at_once
    return []


def _groups(records: Sequence[Point], band: Sequence[int]) -> list[list[int]]:
    """Cut where nothing came for a minute."""
    groups: list[list[int]] = []
    for place in band:
        if groups and records[place].cloud_ns - records[groups[-1][-1]].cloud_ns <= APART_NS:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _come_at_once(levels: Mapping[int, Level], records: Sequence[Point], group: Sequence[int]) -> list[int]:
    """Without those that came first and may have been kept since another level went on."""
    by_ns = records[group[0]].cloud_ns + BAND_NS
    return [place for place in group if records[place].cloud_ns > by_ns or not may_be_kept(levels, records[place])]


def _go_on(levels: Mapping[int, Level], records: Sequence[Point], group: Sequence[int]) -> bool:
    cloud = [records[place].cloud_ns for place in group]
    device = [records[place].device_ns for place in group]
    cloud_span, device_span = cloud[-1] - cloud[0], max(device) - min(device)
    moments = _moments(cloud)
    return (
        len(moments) >= _TOGETHER_MOMENTS
        and device_span >= _TOGETHER_NS
        and cloud_span >= max(_TOGETHER_NS, _TOGETHER_RATIO * device_span)
        # Else the level that it begins would pass for a burst's, on which nothing lies that comes later.
        and any(piece.is_active for piece in _pieces([records[place] for place in group]).values())
        # The middle may lie in an outage, most of the moments after all that is known of a level, or before it.
        and not _is_any_active(levels, (cloud[0] + cloud[-1]) // 2)
        and 2 * sum(_is_any_active(levels, at) for at in moments) < len(moments)
        and 2 * max((level.active_ns(cloud[0], cloud[-1]) for level in levels.values()), default=0) < cloud_span
    )


def _is_any_active(levels: Mapping[int, Level], cloud_ns: int) -> bool:
    return any(level.is_active_at(cloud_ns) for level in levels.values())


def _moments(cloud_ns: Iterable[int]) -> list[int]:
    """When messages came, in order. What came at once counts once: a burst and a message before it are two."""
    moments: list[int] = []
    for came_ns in cloud_ns:
        if not moments or came_ns >= moments[-1] + _MOMENT_NS:
            moments.append(came_ns)
    return moments
