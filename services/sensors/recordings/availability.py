"""Availability of a sensor's recordings: spans, the gaps between them and why, and values that differed when repeated.

What arrived and was stored is a span. A gap is where no sample is; its reason is what is known of that time.
"""

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.arrival import rejected_minutes
from services.sensors.arrival import tables as arrival
from services.sensors.arrival.rejected_minutes import RejectedMinutes
from services.sensors.recordings.time_range import TimeRange
from services.sensors.store import index
from services.sensors.store.even_times import NS, index_at
from services.sensors.store.miniseed.codes import RATE_HZ, Codes, Coding, axis_name
from services.sensors.store.span import Span
from shared.sql.database import Database


class Kind(enum.StrEnum):
    SPAN = "span"
    GAP = "gap"
    DIFFERING = "differing"


class Reason(enum.StrEnum):
    """Of a gap. Waiting: records have arrived whose time is not certain yet; they are shown within a minute.

    Rejected: samples of a minute of it came, and were not taken; the sensor's account says how many ever were.
    """

    NOTHING_ARRIVED = "nothing-arrived"
    REJECTED = "rejected"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One row. Times: of the first and the last sample; of a gap, of the instants between which there is none.

    `kept`, `offered`: least and greatest of the values that differ.
    """

    kind: Kind
    channel: str
    location_code: str
    start_ns: int
    end_ns: int
    sample_rate_hz: float | None = None
    samples: int | None = None
    reason: Reason | None = None
    kept: tuple[float, float] | None = None
    offered: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    start_ns: int
    end_ns: int
    rate_hz: float
    count: int

    @property
    def next_ns(self) -> int:
        return self.end_ns + round(NS / self.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of times without samples. `waiting`: (first, last)."""

    waiting: list[tuple[int, int]]
    rejected: RejectedMinutes

    def reason(self, axis: str, start_ns: int, end_ns: int) -> Reason:
        if any(first < end_ns and last >= start_ns for first, last in self.waiting):
            return Reason.WAITING
        is_rejected = self.rejected.any_within(axis, start_ns, end_ns)
        return Reason.REJECTED if is_rejected else Reason.NOTHING_ARRIVED


class Availability:
    def __init__(self, database: Database, coding: Coding) -> None:
        self._database, self._coding = database, coding

    def of_sensor(self, sensor_id: str, wanted: TimeRange, channels: Collection[str] | None) -> list[Stretch]:
        """By channel and time. `channels`: their codes; None: all."""
        if wanted.start_ns == wanted.end_ns:
            return []
        with self._database.reading() as tx:
            pieces = self._pieces(tx, sensor_id, wanted)
            differing = self._differing(tx, sensor_id, wanted)
            known = _Known(
                waiting=_waiting(tx, sensor_id),
                rejected=rejected_minutes.between(tx, sensor_id, wanted.start_ns, wanted.end_ns),
            )
        found: list[Stretch] = []
        for (location, channel), of_channel in pieces.items():
            found += _stretches(channel, location, of_channel, wanted, known)
        chosen = [one for one in (*found, *differing) if channels is None or one.channel in channels]
        return sorted(chosen, key=lambda one: (one.location_code, one.channel, one.start_ns, one.kind.value))

    def _pieces(self, tx: Connection, sensor_id: str, wanted: TimeRange) -> dict[tuple[str, str], list[_Piece]]:
        """By location and channel code. A channel without any is there, too: all of the range is its gap."""
        found: defaultdict[tuple[str, str], list[_Piece]] = defaultdict(list)
        known = tables.channel
        for row in tx.execute(select(known.c.location_code, known.c.code).where(known.c.sensor_id == sensor_id)):
            found[row.location_code, row.code] = []
        of_sensor = self._coding.of(tx, sensor_id)
        for span in index.between(tx, sensor_id, wanted.start_ns, wanted.end_ns):
            codes = of_sensor.at(span.axis, span.start_ns, span.rate_hz)
            found[codes.location, codes.channel] += _cut(span, wanted)
        return found

    def _differing(self, tx: Connection, sensor_id: str, wanted: TimeRange) -> Iterator[Stretch]:
        table = arrival.differing
        query = select(table).where(
            table.c.sensor_id == sensor_id, table.c.end_ns >= wanted.start_ns, table.c.start_ns < wanted.end_ns
        )
        rows = tx.execute(query).all()
        of_sensor, rates = self._coding.of(tx, sensor_id), _rates(tx, sensor_id)
        codes: dict[tuple[str, int], Codes] = {
            (row.axis, row.start_ns): of_sensor.at(row.axis, row.start_ns, rates.get(row.axis, RATE_HZ)) for row in rows
        }
        return (
            Stretch(
                kind=Kind.DIFFERING,
                channel=codes[row.axis, row.start_ns].channel,
                location_code=codes[row.axis, row.start_ns].location,
                start_ns=row.start_ns,
                end_ns=row.end_ns,
                samples=row.samples,
                kept=(row.kept_least, row.kept_greatest),
                offered=(row.offered_least, row.offered_greatest),
            )
            for row in rows
        )


def _cut(span: Span, wanted: TimeRange) -> Iterator[_Piece]:
    """Its parts with a sample in the range, cut to it. Nothing is decoded: times and numbers are in the index."""
    counts = [span.count] if span.samples is not None else [int(count) for count in span.table["count"]]
    for start, count in zip(span.starts, counts, strict=True):
        start_ns = int(start)
        first, stop = (index_at(start_ns, span.rate_hz, count, at_ns) for at_ns in (wanted.start_ns, wanted.end_ns))
        if first < stop:
            yield _Piece(
                start_ns=span.time_ns(start_ns, first),
                end_ns=span.time_ns(start_ns, stop - 1),
                rate_hz=span.rate_hz,
                count=stop - first,
            )


def _rates(tx: Connection, sensor_id: str) -> dict[str, float]:
    """Of each axis's latest samples."""
    table = tables.channel
    rows = tx.execute(select(table.c.axis, table.c.sample_rate_hz).where(table.c.sensor_id == sensor_id))
    return {row.axis: row.sample_rate_hz for row in rows}


def _waiting(tx: Connection, sensor_id: str) -> list[tuple[int, int]]:
    """When records came that are held, and the minute before, which their samples are of as a rule."""
    table = arrival.held_record
    came = tx.execute(select(table.c.cloud_ns).where(table.c.sensor_id == sensor_id)).scalars()
    return [(cloud_ns - 60 * NS, cloud_ns) for cloud_ns in came]


def _stretches(
    channel: str, location: str, pieces: Iterable[_Piece], wanted: TimeRange, known: _Known
) -> Iterator[Stretch]:
    def gap(start_ns: int, end_ns: int) -> Stretch:
        return Stretch(
            kind=Kind.GAP,
            channel=channel,
            location_code=location,
            start_ns=start_ns,
            end_ns=end_ns,
            reason=known.reason(axis_name(location, channel), start_ns, end_ns),
        )

    joined = _joined(pieces)
    if not joined:
        yield gap(wanted.start_ns, wanted.end_ns)
        return
    if joined[0].start_ns - wanted.start_ns >= NS / joined[0].rate_hz:
        yield gap(wanted.start_ns, joined[0].start_ns)
    for one in joined:
        yield Stretch(
            kind=Kind.SPAN,
            channel=channel,
            location_code=location,
            start_ns=one.start_ns,
            end_ns=one.end_ns,
            sample_rate_hz=one.rate_hz,
            samples=one.count,
        )
    for one, following in pairwise(joined):
        if following.start_ns > one.next_ns + NS / one.rate_hz / 2:  # a change of rate leaves no gap
            yield gap(one.next_ns, following.start_ns)
    if joined[-1].next_ns < wanted.end_ns:
        yield gap(joined[-1].next_ns, wanted.end_ns)


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Those that continue each other become one, by the rule of segments (store/waveform.py)."""
    found: list[_Piece] = []
    for piece in sorted(pieces, key=lambda one: one.start_ns):
        before = found[-1] if found else None
        if before is not None and before.rate_hz == piece.rate_hz and _follows(before, piece):
            found[-1] = _Piece(
                start_ns=before.start_ns,
                end_ns=piece.end_ns,
                rate_hz=piece.rate_hz,
                count=before.count + piece.count,
            )
        else:
            found.append(piece)
    return found


def _follows(before: _Piece, piece: _Piece) -> bool:
    return abs(piece.start_ns - before.next_ns) <= NS / piece.rate_hz / 2
