"""Assignment of a sensor's records to eras of its device's clock: by their levels, and by what is stored already."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from services.sensors.arrival import held_records
from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.clocks.era_clock import EraClock
from services.sensors.arrival.clocks.era_rate import EraRate
from services.sensors.arrival.eras.already_stored import Known, eras_at, eras_of
from services.sensors.arrival.record import Record, first_comings
from services.sensors.store.even_times import NS
from services.sensors.timing.eras import assign, of_one_level
from services.sensors.timing.hull import Piece, piece_number

RATE_RATIO = 0.01
"""By which stated rates may differ and be of one era: a crystal is off by a hundredth of that."""


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
    """An era has one rate: a device that samples at another one is of another era, though its clock goes on.

    `stored`: what is of an era and those records' time. `due`: places of records that may wait no longer.
    """
    known, may_any_wait = rows.eras(), len(records) <= held_records.HELD_MAX
    newest, near = max(known, default=0), dict[int, Mapping[int, Piece]]()
    by_era: defaultdict[int, list[Record]] = defaultdict(list)
    held: list[int] = []
    for places in _by_rate(records):
        its, rate_hz = [records[place] for place in places], records[places[0]].rate_hz
        its_known = {era: one for era, one in known.items() if _is_one_rate(one.stated_hz, rate_hz)}
        its_due = {at for at, place in enumerate(places) if place in due or not may_any_wait}
        its_near, eras = _of_one_rate(rows, its_known, its, stored, due=its_due, newest=newest)
        near |= its_near
        for place, era in zip(places, eras, strict=True):
            if era is None:
                held.append(place)
            else:
                by_era[era].append(records[place])
        newest = max([newest, *by_era])
    of = []
    for era in sorted(by_era):
        stated_hz = Counter(record.rate_hz for record in by_era[era]).most_common(1)[0][0]
        clock = EraClock(rows, era, dict(near.get(era, {})), known.get(era), stated_hz)
        of.append(OfEra(clock=clock, records=by_era[era]))
    return Assigned(of=of, held=sorted(held))


def _of_one_rate(
    rows: ClockRows,
    known: Mapping[int, EraRate],
    records: Sequence[Record],
    stored: Known,
    *,
    due: Collection[int],
    newest: int,
) -> tuple[Mapping[int, Mapping[int, Piece]], list[int | None]]:
    """Pieces near the records, by era, and the era of each of the records; None: it waits.

    Mostly all lie on levels that are known, which the pieces near them tell; else it takes those around them.
    """
    firsts = first_comings(records)
    places = [place for place, first in enumerate(firsts) if place == first]
    its = [records[place] for place in places]
    points = [record.point for record in its]
    spans_ns = [round(record.count * NS / record.rate_hz) for record in its]
    numbers = [piece_number(record.device_ns) for record in records]
    first, last = min(numbers), max(numbers)
    all_near = rows.near(first, last)
    near = None if all_near is None else {era: pieces for era, pieces in all_near.items() if era in known}
    clocks = partial(_clocks, rows, known)

    def again(asked: Iterable[int]) -> dict[int, int]:
        return eras_of({place: its[place] for place in asked}, clocks, stored)

    found = None if near is None else assign(near, points, newest=newest, due=(), spans_ns=spans_ns)
    if near is None or found is None or not known.keys() >= set(found.eras):
        near = {era: rows.around(era, first, last) for era in known}
        late = {firsts[place] for place in due}
        late_at = {at for at, place in enumerate(places) if place in late}
        found = assign(near, points, newest=newest, due=late_at, spans_ns=spans_ns, again=again)
    eras = dict(zip(places, found.eras, strict=True))
    if sum(rows.is_near(era, first, last) for era in known) > 1:
        decided = {at: record for at, record in enumerate(its) if found.eras[at] in known}
        stored_at, others = eras_at(decided, clocks, stored)
        eras |= {places[at]: era for at, era in stored_at.items()}
        eras |= {places[at]: era for at, era in of_one_level(near, points, found, others).items()}
    return near, [eras[came_first] for came_first in firsts]


def _by_rate(records: Sequence[Record]) -> list[list[int]]:
    """Places of those that state one rate."""
    of: dict[float, list[int]] = {}
    for place, record in enumerate(records):
        its = of.get(record.rate_hz)
        if its is None:
            its = of[record.rate_hz] = next((one for hz, one in of.items() if _is_one_rate(hz, record.rate_hz)), [])
        its.append(place)
    return list({id(places): places for places in of.values()}.values())


def _is_one_rate(hz: float, other_hz: float) -> bool:
    return abs(hz / other_hz - 1) <= RATE_RATIO


def _clocks(rows: ClockRows, known: Mapping[int, EraRate], records: Sequence[Record]) -> list[EraClock]:
    """Of the eras that have messages near those records."""
    first, last = (piece_number(record.device_ns) for record in (records[0], records[-1]))
    near = (era for era in sorted(known) if rows.is_near(era, first, last))
    return [EraClock(rows, era, {}, known[era], records[0].rate_hz) for era in near]
