"""Reindexing: puts files that the index has lost back into it, from what they state of themselves.

A file states no device time: what comes back is dated by its true time, as miniSEED that was imported. Of several
generations of an hour the last one counts, and none if the index has one. Rows whose samples the file holds, too, go.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from services.sensors import tables
from services.sensors.store import channels, index
from services.sensors.store.archive_lock import take_archive_lock
from services.sensors.store.even_times import NS
from services.sensors.store.miniseed.archive import Archive, FileName
from services.sensors.store.miniseed.codec import Header, RecordDamaged, decode, headers
from services.sensors.store.miniseed.codes import Codes, Coding
from services.sensors.store.piece import BY_TIME, Piece, Samples, by_time
from services.sensors.store.sealing.verification import Fault
from services.sensors.store.span import RECORD, SealedSpan
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import to_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """`files`: put back, with so many samples. `dropped`: taken out of the index because they are missing."""

    files: int
    samples: int
    dropped: int
    faults: tuple[Fault, ...]


class FolderIsEmpty(Exception):
    """Not one file of the index is there: a volume that is not mounted, rather than lost files."""

    def __init__(self) -> None:
        super().__init__(
            "not one of the files in the index is there. Check that the folder is the right one, and mounted."
        )


class Reindexing:
    def __init__(self, database: Database, archive: Archive, coding: Coding, clock: Clock) -> None:
        self._database, self._archive, self._coding, self._clock = database, archive, coding, clock

    def run(self, *, drop_missing: bool = False) -> Reindexed:
        """`drop_missing`: also takes files that are gone out of the index. Raises FolderIsEmpty then."""
        dropped = self._drop_missing() if drop_missing else 0
        faults: list[Fault] = []
        files = samples = 0
        for name in self._lost():
            count = self._put_back(name)
            if isinstance(count, Fault):
                faults.append(count)
            else:
                files, samples = files + bool(count), samples + count
        return Reindexed(files=files, samples=samples, dropped=dropped, faults=tuple(faults))

    def _lost(self) -> list[FileName]:
        """The last generation of each hour and channel of which the index names none.

        One that was superseded is lost as little, until it is swept: another channel or hour has its samples now.
        """
        latest: dict[tuple[str, Codes, int], FileName] = {}
        found = {relative for relative, _ in self._archive.names()}
        for name in map(FileName.parse, found):
            if name is not None:
                key = name.organisation_id, name.codes, name.hour
                latest[key] = max(name, latest.get(key, name))
        with self._database.reading(once=True) as tx:
            table = tables.sealed_file
            known = tx.execute(select(table.c.path, table.c.superseded_us)).all()
        for path, superseded_us in known:
            if superseded_us is None or path in found:
                name = FileName.parse(path)
                if name is not None:
                    latest.pop((name.organisation_id, name.codes, name.hour), None)
        return sorted(latest.values())

    def _put_back(self, name: FileName) -> int | Fault:
        """How many samples; 0 where the index has the hour by now."""
        try:
            content = self._archive.content(name.relative)
            pieces = _pieces(content, name)
        except (OSError, RecordDamaged) as error:
            return Fault(place=name.relative, reason=f"it cannot be read: {error}")
        spans = _spans(content, pieces)
        with self._database.transaction() as tx:
            take_archive_lock(tx)
            sensor_id = _sensor(tx, name)
            if sensor_id is None:
                return Fault(place=name.relative, reason="its organisation has no sensor with these codes")
            index.lock_sensors(tx, [sensor_id])
            axis = self._coding.axis(tx, sensor_id, name.codes, pieces[0].start_ns, pieces[0].rate_hz)
            if _is_known(tx, sensor_id, axis, name, pieces):
                return 0
            self._take_out_rows(tx, sensor_id, axis, name.hour, pieces)
            size = len(content) // len(pieces)
            index.insert_file(tx, sensor_id, axis, name.hour, name.relative, len(content), spans, size)
            last = max(pieces, key=lambda piece: piece.end_ns)
            latest = channels.Latest(
                sensor_id=sensor_id, axis=axis, codes=name.codes, rate_hz=last.rate_hz, end_ns=last.end_ns
            )
            channels.note(tx, [latest])
        return sum(piece.count for piece in pieces)

    def _take_out_rows(self, tx: Connection, sensor_id: str, axis: str, hour: int, sealed: Iterable[Piece]) -> None:
        now_us = to_microseconds(self._clock.now())
        for span in index.of_hour(tx, sensor_id, axis, hour):
            if span.samples is None:
                continue
            (piece,) = span.pieces(self._archive)
            rest = _without(piece, sealed)
            if rest != [piece]:
                index.delete_spans(tx, [span.id])
                index.insert_pieces(tx, sensor_id, rest, now_us)

    def _drop_missing(self) -> int:
        table = tables.sealed_file
        with self._database.reading(once=True) as tx:
            current = tx.execute(select(table.c.id, table.c.path).where(table.c.superseded_us.is_(None))).all()
        missing = [row.id for row in current if not self._archive.has(row.path)]
        if missing and len(missing) == len(current):
            raise FolderIsEmpty
        for file_id in missing:
            with self._database.transaction() as tx:
                tx.execute(delete(tables.span).where(tables.span.c.file_id == file_id))
                tx.execute(delete(table).where(table.c.id == file_id))
        return len(missing)


def _pieces(content: bytes, name: FileName) -> list[Piece]:
    """A piece a record. Raises RecordDamaged."""
    first_header = next(headers(content), None)
    if first_header is None or len(content) % first_header.record_bytes:
        raise RecordDamaged("it is cut short")
    size = first_header.record_bytes
    found: list[tuple[Header, Samples]] = []
    for first in range(0, len(content), size):
        record = content[first : first + size]
        found += [(header, decode(record)) for header in headers(record)]
    if any(header.record_bytes != size for header, _ in found):
        raise RecordDamaged("its records differ in length")
    if any(header.codes != name.codes for header, _ in found):
        raise RecordDamaged("it holds another channel than its name says")
    return [by_time("", header.start_ns, header.rate_hz, samples) for header, samples in found]


def _spans(content: bytes, pieces: list[Piece]) -> list[SealedSpan]:
    rows: defaultdict[tuple[float, str], list[tuple[int, ...]]] = defaultdict(list)
    size = len(content) // len(pieces)
    for place, piece in enumerate(pieces):
        crc = crc32(content[place * size : (place + 1) * size])
        times = piece.start_ns, piece.device_ns, piece.device_end_ns
        rows[piece.rate_hz, piece.samples.dtype.char].append((*times, piece.count, place, crc))
    return [
        SealedSpan(era=BY_TIME, rate_hz=rate_hz, kind=kind, records=np.array(rows, RECORD))
        for (rate_hz, kind), rows in rows.items()
    ]


def _sensor(tx: Connection, name: FileName) -> str | None:
    table = tables.sensor
    query = select(table.c.id).where(
        table.c.organisation_id == name.organisation_id,
        table.c.network == name.codes.network,
        table.c.station == name.codes.station,
    )
    return tx.execute(query).scalars().first()


def _is_known(tx: Connection, sensor_id: str, axis: str, name: FileName, pieces: Sequence[Piece]) -> bool:
    """Whether the index names the file, or one of the same hour and codes, or one that has samples of its time.

    Those of an axis with other codes do not overlap, but where a sealer ended before it could swap them.
    """
    table = tables.sealed_file
    is_hour = (table.c.sensor_id == sensor_id) & (table.c.axis == axis) & (table.c.hour == name.hour)
    current = tx.execute(select(table.c.path).where(is_hour, table.c.superseded_us.is_(None))).scalars()
    if any(found is not None and found.codes == name.codes for found in map(FileName.parse, current)):
        return True
    if tx.execute(select(table.c.id).where(table.c.path == name.relative)).first() is not None:
        return True
    start_ns, end_ns = min(piece.start_ns for piece in pieces), max(piece.end_ns for piece in pieces)
    sealed = [span for span in index.of_hour(tx, sensor_id, axis, name.hour) if span.samples is None]
    return any(span.start_ns <= end_ns and start_ns <= span.end_ns for span in sealed)


def _without(piece: Piece, sealed: Iterable[Piece]) -> list[Piece]:
    """The parts of a piece whose samples none of the others has at that time with that value."""
    is_left = np.ones(piece.count, np.bool_)
    for other in sealed:
        shift = round((other.start_ns - piece.start_ns) * piece.rate_hz / NS)
        first, stop = max(shift, 0), min(shift + other.count, piece.count)
        if first < stop and abs(other.time_ns(first - shift) - piece.time_ns(first)) <= NS / piece.rate_hz / 2:
            same: NDArray[np.bool_] = piece.samples[first:stop] == other.samples[first - shift : stop - shift]
            is_left[first:stop] &= ~same
    if is_left.all():
        return [piece]
    edges = np.flatnonzero(np.diff(is_left, prepend=False, append=False)).tolist()
    return [piece.part(first, stop) for first, stop in zip(edges[::2], edges[1::2], strict=True)]
