"""Assignment of a sensor's records to eras of its device's clock: by their levels, and by what is stored already."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from services.sensors.arrival import held_records
from services.sensors.arrival.clocks.clock_rows import ClockRows, EraRate
from services.sensors.arrival.clocks.era_clock import EraClock
from services.sensors.arrival.eras.already_stored import Known, eras_at, eras_of
from services.sensors.arrival.record import Record, first_comings
from services.sensors.timing.eras import assign, of_one_level
from services.sensors.timing.hull import piece_number


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEra:
    clock: EraClock
    records: list[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """`held`: places of the records that wait."""

    of: list[OfEra]
    held: list[int]


def assigned(rows: ClockRows, records: Sequence[Record], stored: Known, *, due: Collection[int]) -> Assigned:
    """Mostly all lie on levels that are known, which the pieces near them tell; else it takes those around them.

    `stored`: what is of an era and those records' time. `due`: places of records that may wait no longer.
    """
    known = rows.eras()
    firsts = first_comings(records)
    places = [place for place, first in enumerate(firsts) if place == first]
    its = [records[place] for place in places]
    points = [record.point for record in its]
    numbers = [piece_number(record.device_ns) for record in records]
    first, last, newest = min(numbers), max(numbers), max(known, default=0)
    near = rows.near(first, last)
    clocks = partial(_clocks, rows, known)

    def again(asked: Iterable[int]) -> dict[int, int]:
        return eras_of({place: its[place] for place in asked}, clocks, stored)

    found = None if near is None else assign(near, points, newest=newest, due=())
    if near is None or found is None or not known.keys() >= set(found.eras):
        near = {era: rows.around(era, first, last) for era in known}
        every = len(records) > held_records.HELD_MAX
        late = set(firsts) if every else {firsts[place] for place in due}
        late_at = {at for at, place in enumerate(places) if place in late}
        found = assign(near, points, newest=newest, due=late_at, again=again)
    eras = dict(zip(places, found.eras, strict=True))
    if sum(rows.is_near(era, first, last) for era in known) > 1:
        decided = {at: record for at, record in enumerate(its) if found.eras[at] in known}
        stored_at, others = eras_at(decided, clocks, stored)
        eras |= {places[at]: era for at, era in stored_at.items()}
        eras |= {places[at]: era for at, era in of_one_level(near, points, found, others).items()}
    by_era: defaultdict[int, list[Record]] = defaultdict(list)
    held: list[int] = []
    for place, came_first in enumerate(firsts):
        era = eras[came_first]
        if era is None:
            held.append(place)
        else:
            by_era[era].append(records[place])
    of = []
    for era in sorted(by_era):
        stated_hz = Counter(record.rate_hz for record in by_era[era]).most_common(1)[0][0]
        clock = EraClock(rows, era, near.get(era, {}), known.get(era), stated_hz)
        of.append(OfEra(clock=clock, records=by_era[era]))
    return Assigned(of=of, held=held)


def _clocks(rows: ClockRows, known: Mapping[int, EraRate], records: Sequence[Record]) -> list[EraClock]:
    """Of the eras that have messages near those records."""
    first, last = (piece_number(record.device_ns) for record in (records[0], records[-1]))
    near = (era for era in sorted(known) if rows.is_near(era, first, last))
    return [EraClock(rows, era, {}, known[era], records[0].rate_hz) for era in near]
