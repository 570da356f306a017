"""Availability of a sensor's recordings: spans, the gaps between them and why, and values that differed when repeated.

What arrived and was stored is a span. A gap is where no sample is; its reason is what is known of that time.
"""

import enum
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

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
    codes: Codes
    start_ns: int
    end_ns: int
    rate_hz: float
    count: int

    @property
    def next_ns(self) -> int:
        return self.end_ns + round(NS / self.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Axes that have codes in common, mostly one: what is there of any of them is no gap of the others.

    `codes`: all that they have in the range; of an axis without samples there, what they would be called.
    """

    axes: frozenset[str]
    codes: frozenset[Codes]
    pieces: tuple[_Piece, ...]

    def with_(self, other: "_Line") -> "_Line":
        return _Line(axes=self.axes | other.axes, codes=self.codes | other.codes, pieces=self.pieces + other.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of times without samples. `waiting`: (first, last)."""

    waiting: list[tuple[int, int]]
    rejected: RejectedMinutes

    def reason(self, axes: Iterable[str], start_ns: int, end_ns: int) -> Reason:
        if any(first < end_ns and last >= start_ns for first, last in self.waiting):
            return Reason.WAITING
        is_rejected = any(self.rejected.any_within(axis, start_ns, end_ns) for axis in axes)
        return Reason.REJECTED if is_rejected else Reason.NOTHING_ARRIVED


class Availability:
    def __init__(self, database: Database, coding: Coding) -> None:
        self._database, self._coding = database, coding

    def of_sensor(self, sensor_id: str, wanted: TimeRange, channels: Collection[str] | None) -> list[Stretch]:
        """By channel and time. `channels`: their codes; None: all."""
        if wanted.is_empty:
            return []
        with self._database.reading() as tx:
            lines = self._lines(tx, sensor_id, wanted)
            differing = self._differing(tx, sensor_id, wanted)
            known = _Known(
                waiting=_waiting(tx, sensor_id),
                rejected=rejected_minutes.between(tx, sensor_id, wanted.start_ns, wanted.end_ns),
            )
        found = [stretch for line in lines for stretch in _stretches(line, wanted, known)]
        chosen = [one for one in (*found, *differing) if channels is None or one.channel in channels]
        return sorted(chosen, key=lambda one: (one.location_code, one.channel, one.start_ns, one.kind.value))

    def _lines(self, tx: Connection, sensor_id: str, wanted: TimeRange) -> list[_Line]:
        """Of all axes that ever recorded something: of one without samples in the range, all of it is a gap."""
        of_sensor, rates = self._coding.of(tx, sensor_id), _rates(tx, sensor_id)
        pieces: dict[str, list[_Piece]] = {axis: [] for axis in rates}
        for span in index.between(tx, sensor_id, wanted.start_ns, wanted.end_ns):
            pieces.setdefault(span.axis, []).extend(
                _cut(span, of_sensor.at(span.axis, span.start_ns, span.rate_hz), wanted)
            )
        found: list[_Line] = []
        for axis, its in pieces.items():
            codes = {piece.codes for piece in its} or {of_sensor.at(axis, wanted.start_ns, rates[axis])}
            line = _Line(axes=frozenset((axis,)), codes=frozenset(codes), pieces=tuple(its))
            for alike in [one for one in found if one.codes & line.codes]:
                found.remove(alike)
                line = line.with_(alike)
            found.append(line)
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


def _cut(span: Span, codes: Codes, wanted: TimeRange) -> Iterator[_Piece]:
    """Its parts with a sample in the range, cut to it. Nothing is decoded: times and numbers are in the index."""
    counts = [span.count] if span.samples is not None else [int(count) for count in span.table["count"]]
    for start, count in zip(span.starts, counts, strict=True):
        start_ns = int(start)
        first, stop = (index_at(start_ns, span.rate_hz, count, at_ns) for at_ns in (wanted.start_ns, wanted.end_ns))
        if first < stop:
            yield _Piece(
                codes=codes,
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


def _stretches(line: _Line, wanted: TimeRange, known: _Known) -> Iterator[Stretch]:
    """A gap has the codes of the samples before it; of those behind it, where it is the first."""

    def gap(codes: Codes, start_ns: int, end_ns: int) -> Stretch:
        # Lines that were rejected may name an axis by codes that the axis has now.
        axes = line.axes | {axis_name(one.location, one.channel) for one in line.codes}
        return Stretch(
            kind=Kind.GAP,
            channel=codes.channel,
            location_code=codes.location,
            start_ns=start_ns,
            end_ns=end_ns,
            reason=known.reason(axes, start_ns, end_ns),
        )

    joined = _joined(line.pieces)
    if not joined:
        yield gap(min(line.codes), wanted.start_ns, wanted.end_ns)
        return
    latest = joined[0]
    if latest.start_ns - wanted.start_ns >= NS / latest.rate_hz:
        yield gap(latest.codes, wanted.start_ns, latest.start_ns)
    for one in joined:
        yield Stretch(
            kind=Kind.SPAN,
            channel=one.codes.channel,
            location_code=one.codes.location,
            start_ns=one.start_ns,
            end_ns=one.end_ns,
            sample_rate_hz=one.rate_hz,
            samples=one.count,
        )
        if one.start_ns > latest.next_ns + NS / latest.rate_hz / 2:  # a change of rate leaves no gap
            yield gap(latest.codes, latest.next_ns, one.start_ns)
        latest = max(latest, one, key=lambda piece: piece.next_ns)  # eras, and axes, may lie over each other
    if latest.next_ns < wanted.end_ns:
        yield gap(latest.codes, latest.next_ns, wanted.end_ns)


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Those that continue each other become one, by the rule of segments (store/waveform.py)."""
    found: list[_Piece] = []
    for piece in sorted(pieces, key=lambda one: one.start_ns):
        before = found[-1] if found else None
        if before is not None and _follows(before, piece):
            found[-1] = _Piece(
                codes=piece.codes,
                start_ns=before.start_ns,
                end_ns=piece.end_ns,
                rate_hz=piece.rate_hz,
                count=before.count + piece.count,
            )
        else:
            found.append(piece)
    return found


def _follows(before: _Piece, piece: _Piece) -> bool:
    is_alike = (before.codes, before.rate_hz) == (piece.codes, piece.rate_hz)
    return is_alike and abs(piece.start_ns - before.next_ns) <= NS / piece.rate_hz / 2
