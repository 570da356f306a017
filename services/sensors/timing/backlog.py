"""Backlog: records that came late, mostly because a device was cut off and kept them, and which eras they are of.

Between the last message of one era and the first of another came what was kept while the clock was set: records of
both. Levels tell the two settings apart only where one would have come before it was sampled. So they are divided
into those that go on from the era before and those that lead up to the era after (chains.py). What remains is of the
era that it is least late for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from services.sensors.timing.chains import Kept, Known, are_new
from services.sensors.timing.hull import Point, piece_number, piece_of
from services.sensors.timing.level import APART_NS, BAND_NS, SILENCE_NS, Level

_SLACK_NS = 60_000_000_000


class Between(NamedTuple):
    """Eras, and the last message of the one that came before."""

    old: int
    last: Point
    new: int


def may_be_kept(levels: Mapping[int, Level], point: Point, era: int | None = None) -> bool:
    """Whether a record that lies on the level of that era may as well have been kept since another one went on."""
    old = _sent_last(levels, point)
    if old is None or old[0] == era:
        return False
    return old[1].device_ns < point.device_ns and levels[old[0]].excess_ns(point) >= 0


def between_eras(
    levels: Mapping[int, Level], records: Sequence[Point], waiting: Iterable[int], due: Collection[int]
) -> dict[Between, list[int]]:
    """Those that came between two eras; of each two all, if one of them is due."""
    groups: defaultdict[Between, list[int]] = defaultdict(list)
    for place in waiting:
        between = _between(levels, records[place])
        if between is not None:
            groups[between].append(place)
    return {between: places for between, places in groups.items() if any(place in due for place in places)}


def divided(
    levels: Mapping[int, Level],
    records: Sequence[Point],
    spans_ns: Sequence[int],
    places: Iterable[int],
    between: Between,
) -> dict[int, int]:
    """The eras of the records at those places, without those that came too late to be told by continuity."""
    if between.old == between.new:
        return dict.fromkeys(places, between.old)
    old, new, old_ns = levels[between.old], levels[between.new], between.last.device_ns
    kept: dict[int, Kept] = {}
    for place in places:
        point = records[place]
        may_be_old = point.device_ns > old_ns and old.excess_ns(point) >= -old.tolerance_ns(point)
        may_be_new = new.excess_ns(point) >= -new.tolerance_ns(point)
        # What was a little late right before the outage is of the old one, though sampled before the last of it.
        if may_be_old or (may_be_new and old.excess_ns(point) > APART_NS):
            kept[place] = Kept(point.device_ns, spans_ns[place], may_be_old, may_be_new)
    if not kept:
        return {}
    step_ns = new.excess_ns(between.last) - old.excess_ns(between.last)
    is_new = are_new(list(kept.values()), Known(old_ns, new.began_ns(between.last.cloud_ns), step_ns))
    return {place: between.new if its else between.old for place, its in zip(kept, is_new, strict=True)}


def least_late(
    levels: Mapping[int, Level], records: Sequence[Point], waiting: Iterable[int], newest: int
) -> dict[int, int]:
    """The era that each is least late for, near whose messages it was sampled; else the lowest begins one.

    Those have numbers after the newest one.
    """
    levels, found = dict(levels), dict[int, int]()
    for place in sorted(waiting, key=lambda place: (records[place].delay_ns, records[place].device_ns)):
        point = records[place]
        late = {era: of_era.excess_ns(point) for era, of_era in levels.items() if of_era.lowest is not None}
        late = {era: excess for era, excess in late.items() if excess >= -levels[era].tolerance_ns(point)}
        going_on = _going_on(levels, point)
        near = {
            era: excess
            for era, excess in late.items()
            if era == going_on or levels[era].apart_ns(point) <= excess + _SLACK_NS
        }
        chosen = near or {era: excess for era, excess in late.items() if levels[era].apart_ns(point) <= SILENCE_NS}
        if chosen:
            found[place] = min(chosen, key=lambda era: (chosen[era], era))
        else:
            newest += 1
            number = piece_number(point.device_ns)
            levels[newest] = Level({number: piece_of(point.device_ns, point.cloud_ns, 1)})
            found[place] = newest
    return found


def _between(levels: Mapping[int, Level], point: Point) -> Between | None:
    old = _sent_last(levels, point)
    if old is None:
        return None
    after = {era: first for era, level in levels.items() if (first := level.first_after(point.cloud_ns)) is not None}
    new = min(after, key=lambda era: (after[era].cloud_ns, era), default=None)
    if new is None or after[new].cloud_ns - point.cloud_ns > SILENCE_NS:
        return None
    if new == old[0] and not old[1].device_ns < point.device_ns < after[new].device_ns:
        return None
    return Between(old[0], old[1], new)


def _sent_last(levels: Mapping[int, Level], point: Point) -> tuple[int, Point] | None:
    """The era of the last message that came well before, and that message. What comes with a backlog may be sooner."""
    sent = _last_before(levels, point.cloud_ns - BAND_NS)
    return None if sent is None or point.cloud_ns - sent[1].cloud_ns > SILENCE_NS else sent


def _going_on(levels: Mapping[int, Level], point: Point) -> int | None:
    """The era in which messages came last before the record's burst, if that was sampled after them: its clock goes on,
    however little late the last messages of the burst are, and whatever came with them or after.
    """
    sent = _last_before(levels, point.cloud_ns - APART_NS)
    return None if sent is None or not 0 <= point.device_ns - sent[1].device_ns <= SILENCE_NS else sent[0]


def _last_before(levels: Mapping[int, Level], cloud_ns: int) -> tuple[int, Point] | None:
    """The last message to come by then, and its era."""
    lasts = ((era, last) for era, level in levels.items() if (last := level.last_before(cloud_ns)) is not None)
    return max(lasts, key=lambda sent: (sent[1].cloud_ns, -sent[0]), default=None)
