"""Store of samples: what is known of an era, new samples, and times that are estimated anew.

All methods work in the caller's transaction, after `lock`: who decides which samples are new sees all that
are there. Nothing here judges samples; that is the caller's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, select, update

from services.sensors import tables
from services.sensors.store import channels, index, latency
from services.sensors.store.even_times import NS, time_ns
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codec import stated_rate
from services.sensors.store.miniseed.codes import Coding
from services.sensors.store.piece import BY_TIME, Piece
from services.sensors.store.span import Span, SpanDamaged
from services.sensors.store.timing import EraTiming, Times, timed
from shared.runtime.clock import Clock
from shared.values.timestamps import to_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Retimed:
    """How many rows have new times now, and how many sealed hours will have them once they are sealed anew."""

    rows: int
    hours: int


class SampleStore:
    def __init__(self, archive: Archive, coding: Coding, clock: Clock) -> None:
        self._archive, self.coding, self._clock = archive, coding, clock

    def lock(self, tx: Connection, *sensor_ids: str) -> None:
        """Writers of one sensor take turns, and the sealer with them. Raises SensorUnknown."""
        index.lock_sensors(tx, sensor_ids)

    def known(
        self, tx: Connection, sensor_id: str, era: int, from_device_ns: int, to_device_ns: int
    ) -> dict[str, list[Piece]]:
        """By axis: every stored piece with a sample from one device time to the other, or within a second of that.

        Ask for half an interval more where intervals are longer than two seconds: a sample that is that near is the
        same. Raises SpanDamaged where one of them cannot be read any more.
        """
        first_ns, last_ns = from_device_ns - NS, to_device_ns + NS
        return self.pieces(index.by_device_time(tx, sensor_id, era, first_ns, last_ns), first_ns, last_ns)

    def pieces(self, spans: Iterable[Span], from_device_ns: int, to_device_ns: int) -> dict[str, list[Piece]]:
        """By axis, those of the spans with a sample from one device time to the other.

        Raises SpanDamaged, also where a file is gone: that of a locked sensor's span is no older generation. Raises
        OSError while the whole archive is away.
        """
        found: defaultdict[str, list[Piece]] = defaultdict(list)
        for span in spans:
            try:
                found[span.axis] += span.pieces_by_device(self._archive, from_device_ns, to_device_ns)
            except OSError as error:
                if not self._archive.is_there():
                    raise
                raise SpanDamaged(span, f"the file cannot be read: {error.strerror}") from error
        return found

    def add(self, tx: Connection, sensor_id: str, pieces: Iterable[Piece]) -> None:
        """Stores samples of which none is there yet."""
        self.add_all(tx, {sensor_id: pieces})

    def add_all(self, tx: Connection, by_sensor: Mapping[str, Iterable[Piece]]) -> None:
        """As `add`, of many sensors."""
        new = {
            sensor_id: [part for piece in pieces for part in piece.within_limits()]
            for sensor_id, pieces in by_sensor.items()
        }
        if any(stated_rate(rate_hz) != rate_hz for rate_hz in {one.rate_hz for of in new.values() for one in of}):
            raise ValueError("a sample rate that no miniSEED header states: make it one by stated_rate")
        index.insert_all(tx, new, self._now_us())
        found = {sensor_id: _latest(pieces) for sensor_id, pieces in new.items() if pieces}
        if not found:
            return
        codes = self.coding.of_many(tx, found)
        channels.note(
            tx,
            (
                channels.Latest(
                    sensor_id=sensor_id,
                    axis=axis,
                    codes=codes[sensor_id].at(axis, piece.end_ns, piece.rate_hz),
                    rate_hz=piece.rate_hz,
                    end_ns=piece.end_ns,
                )
                for sensor_id in sorted(found)
                for axis, piece in sorted(found[sensor_id].items())
            ),
        )
        ends = {sensor_id: max(piece.end_ns for piece in of.values()) for sensor_id, of in found.items()}
        latency.note(tx, self._now_us(), ends)

    def retime(
        self,
        tx: Connection,
        sensor_id: str,
        era: int,
        timing: EraTiming,
        from_device_ns: int | None = None,
        to_device_ns: int | None = None,
    ) -> Retimed:
        """New times for an era, or a range of its device time, where they move or the rate changes.

        Rows have them now; what is sealed has them when it is sealed anew. Moves below a quarter of an interval wait:
        neighbours that differ by half of one still follow each other.
        """
        table = tables.span
        query = index.spans().where(table.c.sensor_id == sensor_id, table.c.era == era)
        if from_device_ns is not None:
            query = query.where(table.c.device_end_ns >= from_device_ns)
        if to_device_ns is not None:
            query = query.where(table.c.device_ns <= to_device_ns)
        spans = index.fetched(tx, query)
        of_axes: defaultdict[str, list[Span]] = defaultdict(list)
        for span in spans:
            of_axes[span.axis].append(span)
        found = [pair for its in of_axes.values() for pair in zip(its, timed(timing, its), strict=True)]
        moved = [(span, times) for span, times in found if _is_moved(span, times)]
        rows = [_retimed(span, times) for span, times in moved if span.samples is not None]
        if rows:
            values: dict[str, Any] = {
                name: bindparam(f"new_{name}") for name in ("device_ns", "start_ns", "end_ns", "hour", "rate_hz")
            }
            tx.execute(update(table).where(table.c.id == bindparam("this_id")).values(values), rows)
        hours = {(span.axis, index.hour_of(int(start))) for span, times in moved for start in times.start_ns}
        sealed = {(span.axis, index.hour_of(span.start_ns)) for span, _ in moved if span.samples is None}
        index.note_changed(tx, sensor_id, hours | sealed, self._now_us())
        for axis in {span.axis for span, _ in moved}:
            channels.find_last_sample(tx, sensor_id, axis)
        return Retimed(rows=len(rows), hours=len(sealed))

    def recode(self, tx: Connection, sensor_id: str, axis: str, from_ns: int, to_ns: int) -> int:
        """Codes of that axis and time have changed: its hours are sealed anew under them. How many that are."""
        hours: set[tuple[str, int]] = set()
        for table in (tables.sealed_file, tables.seal_due):
            is_axis = (table.c.sensor_id == sensor_id) & (table.c.axis == axis)
            inside = table.c.hour.between(index.hour_of(from_ns), index.hour_of(to_ns))
            query = select(table.c.hour).where(is_axis, inside)
            if table is tables.sealed_file:
                query = query.where(table.c.superseded_us.is_(None))
            hours |= {(axis, hour) for hour in tx.execute(query).scalars()}
        index.note_changed(tx, sensor_id, hours, self._now_us())
        codes = self.coding.of(tx, sensor_id)
        channels.recode(tx, sensor_id, axis, codes)
        return len(hours)

    def reseal(self, tx: Connection, sensor_id: str) -> None:
        """All hours of its device are sealed anew, and what is being sealed: the type of its samples is another one."""
        table = tables.span
        its = (table.c.sensor_id == sensor_id) & (table.c.era != BY_TIME)
        hours = {(axis, hour) for axis, hour in tx.execute(select(table.c.axis, table.c.hour).where(its).distinct())}
        index.note_changed(tx, sensor_id, hours, self._now_us())

    def forget(self, tx: Connection, sensor_id: str) -> None:
        """Deletes all samples of a sensor: from the index now, its files by the next sweep."""
        for table in (tables.span, tables.seal_due, tables.channel, tables.sensor_health, tables.sensor_latency):
            tx.execute(delete(table).where(table.c.sensor_id == sensor_id))
        files = tables.sealed_file
        tx.execute(update(files).where(files.c.sensor_id == sensor_id).values(superseded_us=0))

    def _now_us(self) -> int:
        return to_microseconds(self._clock.now())


def _latest(pieces: Iterable[Piece]) -> dict[str, Piece]:
    """By axis, the one that ends last."""
    latest: dict[str, Piece] = {}
    for piece in pieces:
        if piece.axis not in latest or piece.end_ns > latest[piece.axis].end_ns:
            latest[piece.axis] = piece
    return latest


def _is_moved(span: Span, new: Times) -> bool:
    """Also where a rate begins within a piece."""
    at_ns = [*new.device_ns.tolist(), *(run.device_end_ns for run in span.extents)]
    is_rerated = any(new.rates.at(device_ns) != span.rate_hz for device_ns in at_ns)
    return is_rerated or bool((np.abs(new.start_ns - span.starts) >= NS / span.rate_hz / 4).any())


def _retimed(span: Span, new: Times) -> dict[str, Any]:
    start_ns, device_ns = int(new.start_ns[0]), int(new.device_ns[0])
    rate_hz = new.rates.at(device_ns)
    return {
        "this_id": span.id,
        "new_device_ns": device_ns,
        "new_start_ns": start_ns,
        "new_end_ns": time_ns(start_ns, rate_hz, span.count - 1),
        "new_hour": index.hour_of(start_ns),
        "new_rate_hz": rate_hz,
    }
