"""Span: one row of the index, samples of one sensor's axis in one era at one rate.

What has arrived is a span with its samples in the row. What is sealed is a span with a table of its records in a file,
each with its own time, so that drift inside an hour moves no sample. Nothing interpolates.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, starmap
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from services.sensors.store.even_times import NS, time_ns
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codec import RecordDamaged, decode
from services.sensors.store.piece import SAMPLE_TYPES, Piece, Samples
from services.sensors.timing.starts import Extent

# `place`: of the record in its file, in records. Device times are of the first and the last sample.
RECORD = np.dtype(
    [
        ("start_ns", "<i8"),
        ("device_ns", "<i8"),
        ("device_end_ns", "<i8"),
        ("count", "<i4"),
        ("place", "<i4"),
        ("crc", "<u4"),
    ]
)
Records = NDArray[np.void]


class SpanDamaged(Exception):
    """Stored samples are not what was stored. `grillo sensors verify` lists all such places."""

    def __init__(self, span: "Span", reason: str) -> None:
        where = f"file {span.path}" if span.path else f"row {span.id}"
        super().__init__(f"{where} of sensor {span.sensor_id}, axis {span.axis}: {reason}")
        self.span, self.reason = span, reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Span:
    """`samples` in the row, or `path` with `records` of `record_bytes` each: one of the two is there."""

    id: int
    sensor_id: str
    axis: str
    era: int
    device_ns: int
    device_end_ns: int
    start_ns: int
    end_ns: int
    rate_hz: float
    count: int
    kind: str
    crc: int
    samples: bytes | None
    records: bytes | None
    file_id: int | None
    path: str | None
    record_bytes: int | None

    @property
    def table(self) -> Records:
        return np.frombuffer(self.records or b"", RECORD)

    @property
    def device_starts(self) -> NDArray[np.int64]:
        """Device times of the first samples of its pieces."""
        return np.array([self.device_ns]) if self.samples is not None else self.table["device_ns"]

    @property
    def extents(self) -> list[Extent]:
        """Of its pieces, by the device's clock."""
        if self.samples is not None:
            return [Extent(self.device_ns, self.device_end_ns, self.count)]
        return list(starmap(Extent, self.table[["device_ns", "device_end_ns", "count"]].tolist()))

    @property
    def starts(self) -> NDArray[np.int64]:
        """True times of the same."""
        return np.array([self.start_ns]) if self.samples is not None else self.table["start_ns"]

    def time_ns(self, start_ns: int, index: int) -> int:
        """Of a sample of the record that begins at `start_ns`."""
        return time_ns(start_ns, self.rate_hz, index)

    def pieces(self, archive: Archive) -> list[Piece]:
        """All of it. Raises SpanDamaged, and FileNotFoundError when the file is gone."""
        return self._arrived() if self.samples is not None else list(self.read(archive, self.table))

    def pieces_of(self, archive: Archive, chosen: Records) -> list[Piece]:
        """Of the chosen records; only those are read. Raises as `pieces`."""
        return self._arrived() if self.samples is not None else list(self.read(archive, chosen))

    def pieces_by_device(self, archive: Archive, from_ns: int, to_ns: int) -> list[Piece]:
        """Of the records that have a sample from one device time to the other, both included. Raises as `pieces`."""
        if self.samples is not None:
            return self._arrived()
        table = self.table
        chosen = table[(table["device_end_ns"] >= from_ns) & (table["device_ns"] <= to_ns)]
        return list(self.read(archive, chosen))

    def chosen(self, start_ns: int, end_ns: int) -> Records:
        """The records that have a sample in [start_ns, end_ns), or might by half an interval. A row has none."""
        table = self.table
        if self.samples is not None:
            return table
        ends = table["start_ns"] + np.rint(table["count"] * (NS / self.rate_hz)).astype(np.int64)
        return table[(ends > start_ns) & (table["start_ns"] < end_ns)]

    def prefetch(self, archive: Archive, chosen: Records) -> None:
        """Has the disk begin to read these records. Raises FileNotFoundError."""
        for run in _neighbours(chosen):
            archive.prefetch(self.path or "", *self._place(run))

    def contents(self, archive: Archive, chosen: Records) -> Iterator[tuple[np.void, bytes]]:
        """Records with their bytes, checked; neighbours are read at once. Raises as `pieces`."""
        for run in _neighbours(chosen):
            size, (offset, length) = self.record_bytes or 0, self._place(run)
            content = archive.read(self.path or "", offset, length)
            for number, record in enumerate(run):
                part = content[number * size : (number + 1) * size]
                if crc32(part) != record["crc"]:
                    raise SpanDamaged(self, f"record {record['place']} is not what was written")
                yield record, part

    def _place(self, run: Records) -> tuple[int, int]:
        """Of neighbours in their file: offset and length in bytes."""
        size = self.record_bytes or 0
        return int(run[0]["place"]) * size, len(run) * size

    def _arrived(self) -> list[Piece]:
        content = self.samples or b""
        if crc32(content) != self.crc:
            raise SpanDamaged(self, "its samples are not what was written")
        samples: Samples = np.frombuffer(content, SAMPLE_TYPES[self.kind])
        return [self._piece(self.start_ns, self.device_ns, self.device_end_ns, samples)]

    def read(self, archive: Archive, chosen: Records) -> Iterator[Piece]:
        """A piece a record. Raises as `pieces`."""
        for record, content in self.contents(archive, chosen):
            yield self.decoded(record, content)

    def decoded(self, record: np.void, content: bytes) -> Piece:
        """Raises SpanDamaged."""
        try:
            samples = decode(content)
        except RecordDamaged as error:
            raise SpanDamaged(self, str(error)) from error
        start_ns, device_ns, device_end_ns = (int(record[name]) for name in ("start_ns", "device_ns", "device_end_ns"))
        return self._piece(start_ns, device_ns, device_end_ns, samples)

    def _piece(self, start_ns: int, device_ns: int, device_end_ns: int, samples: Samples) -> Piece:
        return Piece(
            axis=self.axis,
            era=self.era,
            device_ns=device_ns,
            device_end_ns=device_end_ns,
            start_ns=start_ns,
            rate_hz=self.rate_hz,
            samples=samples,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SealedSpan:
    """Records of one era, rate and type of samples, as the index will have them."""

    era: int
    rate_hz: float
    kind: str
    records: Records

    @property
    def start_ns(self) -> int:
        return int(self.records["start_ns"].min())

    @property
    def end_ns(self) -> int:
        return max(time_ns(int(record["start_ns"]), self.rate_hz, int(record["count"]) - 1) for record in self.records)

    @property
    def count(self) -> int:
        return int(self.records["count"].sum())


def _neighbours(records: Records) -> Iterable[Records]:
    """Runs whose places follow each other: each is read at once."""
    numbered = groupby(range(len(records)), key=lambda number: int(records[number]["place"]) - number)
    for _, run in numbered:
        chosen = list(run)
        yield records[chosen[0] : chosen[-1] + 1]
