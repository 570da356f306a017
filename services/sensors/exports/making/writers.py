"""Writers of export files, an hour of a sensor at a time: memory is that of an hour, whatever the file's length.

An hour is read as it is when it is read; samples that arrive for hours that were written are not in the file.
"""

import io
import tarfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from services.sensors.exports.export import ExportFormat
from services.sensors.recordings.sample_csv import HEADER, as_csv
from services.sensors.store.even_times import NS
from services.sensors.store.miniseed.codec import headers
from services.sensors.store.reader import SampleReader
from shared.runtime.room import OrdinaryFile, Room


class Writer(Protocol):
    def write(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> None:
        """Samples in [start_ns, end_ns), which is of one UTC day. Days of a sensor come in order."""
        ...

    def close(self) -> None: ...


def writer(format_: ExportFormat, file: BinaryIO, reader: SampleReader, scratch: Path, room: Room) -> Writer:
    """`scratch`: a folder for what is not finished, which the caller removes. `room`: of its disk."""
    match format_:
        case ExportFormat.CSV:
            return _Csv(file, reader)
        case ExportFormat.MINISEED:
            return _Miniseed(file, reader)
        case ExportFormat.SDS:
            return _Sds(file, reader, scratch, room)


class _Csv:
    def __init__(self, file: BinaryIO, reader: SampleReader) -> None:
        self._file, self._reader = file, reader
        file.write(HEADER)

    def write(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> None:
        for lines in as_csv(sensor_id, self._reader.segments(sensor_id, start_ns, end_ns, channels)):
            self._file.write(lines)

    def close(self) -> None:
        """Nothing is left."""


class _Miniseed:
    def __init__(self, file: BinaryIO, reader: SampleReader) -> None:
        self._file, self._reader = file, reader

    def write(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> None:
        self._file.write(self._reader.miniseed(sensor_id, start_ns, end_ns, channels))

    def close(self) -> None:
        """Nothing is left."""


class _Sds:
    """`YEAR/NET/STA/CHA.D/NET.STA.LOC.CHA.D.YEAR.DAY` for each channel and UTC day."""

    def __init__(self, file: BinaryIO, reader: SampleReader, scratch: Path, room: Room) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed by close
        self._reader, self._scratch, self._room = reader, scratch / "part", room
        self._day: tuple[str, int] | None = None
        self._files: dict[str, BinaryIO] = {}

    def write(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> None:
        day = sensor_id, start_ns // (86_400 * NS)
        if day != self._day:
            self._end_day()
            self._day = day
        start = datetime.fromtimestamp(start_ns // NS, UTC)
        records = self._reader.miniseed(sensor_id, start_ns, end_ns, channels)
        first = 0
        for header in headers(records):
            codes = header.codes
            name = f"{codes}.D.{start.year:04}.{start.timetuple().tm_yday:03}"
            path = "/".join(
                part for part in (f"{start.year:04}", codes.network, codes.station, f"{codes.channel}.D", name) if part
            )
            if path not in self._files:
                self._files[path] = io.BufferedRandom(OrdinaryFile(self._scratch, self._room))  # closed by _end_day
                self._scratch.unlink()
            self._files[path].write(records[first : first + header.record_bytes])
            first += header.record_bytes

    def close(self) -> None:
        self._end_day()
        self._tar.close()

    def _end_day(self) -> None:
        for path, content in sorted(self._files.items()):
            with content:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = content.tell(), 0o644
                content.seek(0)
                self._tar.addfile(entry, content)
        self._files.clear()
