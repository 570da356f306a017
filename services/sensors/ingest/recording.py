"""Recording: what a file yields, as stations with their segments, and what was rejected, with the reason.

Nothing is guessed: a coordinate that no source states is None.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from gzip import open as gunzip
from io import BufferedIOBase, BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, Literal, cast
from zlib import error as ZlibError

from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.arrival.record import Record
from services.sensors.arrival.time_arrival import Timed
from services.sensors.registry.changes import StateEpoch

CONTENT_BYTES_MAX = 512 * 2**20
"""Of one file, unpacked. Larger ones are split by whoever made them, or are gzip bombs."""

_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableRecording(Exception):
    """Nothing of the file can be used. `reason` and `remedy` are texts for users: why, and what they can do."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}. {remedy}.")
        self.path = path
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """What one file holds of one station. Codes fit a miniSEED header; `network` may be empty, `station` not.

    `records` have a device's clock, `segments` only times; both in the order of the file, as often as they are there.
    `epochs`: what it says of the station beyond that.
    Coordinates are degrees (WGS 84); `mGal` is 1e-5 m/s².
    """

    network: str
    station: str
    name: str | None
    latitude: float | None
    longitude: float | None
    elevation_m: float | None
    unit: Literal["mGal", "counts"]
    records: tuple[Record, ...] = ()
    segments: tuple[Timed, ...] = ()
    epochs: tuple[StateEpoch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a file without samples says of a station. An axis is named as `LOCATION.CHANNEL`, or as the device's own."""

    network: str
    station: str
    epochs: tuple[StateEpoch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What a line says that it is of. `name`: of its device; None: it has codes only."""

    network: str
    station: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A line of a text file, or a trace of a waveform file, that was rejected. `line` None: the whole file, or many.

    `samples`: how many it shows on all axes together, as far as it can be read. `of`, `time`: None: it does not say.
    `sensor_id`: of a sensor that is there; found when it is imported.
    """

    line: int | None
    reason: str
    samples: int = 0
    kind: Rejection = Rejection.MALFORMED
    of: Station | None = None
    time: RejectedTime | None = None
    sensor_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadResult:
    """What one file yields. `lines_read` counts lines or traces, rejected ones included, blank ones not.

    `warnings`: what its reader remarked on what it read none the less.
    """

    recordings: tuple[Recording, ...]
    lines_read: int
    rejected: tuple[RejectedLine, ...]
    warnings: tuple[str, ...] = ()
    described: tuple[Described, ...] = ()


def name_of(path: Path) -> str:
    """The file's, as text that can be stored: what of it is no UTF-8 is escaped."""
    return os.fsencode(path.name).decode(errors="backslashreplace")


@contextmanager
def opened(path: Path) -> Iterator[BufferedIOBase]:
    """The file's bytes, unpacked when they begin as gzip does, whatever the name.

    Faults of the file met inside the block (absent, a directory, cut short, corrupt) become UnreadableRecording.
    """
    with _faults_told(path), path.open("rb") as raw:
        magic = raw.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
        if not magic:
            raise UnreadableRecording(path, "the file is empty", "Fetch it again")
        if path.suffix == ".gz" and magic != _GZIP_MAGIC:
            raise UnreadableRecording(
                path, "its name ends in .gz, but it is not a gzip file", "Rename it, or fetch it again"
            )
        with _unpacked(raw) as content:
            yield content


@contextmanager
def incoming(lines: BinaryIO, path: Path) -> Iterator[BufferedIOBase]:
    """The same of bytes that come without a file; `path` names them in faults."""
    with _faults_told(path), _unpacked(BufferedReader(cast("RawIOBase", lines))) as content:
        yield content


def is_after_end(error: Exception) -> bool:
    """Whether that is what gzip says where no more of a file is packed: its beginning was seen to be."""
    return isinstance(error, BadGzipFile) and str(error).startswith("Not a gzipped file")


@contextmanager
def _unpacked(raw: BufferedReader) -> Iterator[BufferedIOBase]:
    if raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
        with gunzip(raw) as unpacked:
            yield unpacked
    else:
        yield raw


@contextmanager
def _faults_told(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise UnreadableRecording(path, "the gzip file is cut short", "Fetch it again") from error
    except (ZlibError, BadGzipFile) as error:
        what = "other bytes follow its end" if is_after_end(error) else str(error)
        raise UnreadableRecording(path, f"the gzip file is corrupt ({what})", "Fetch it again") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableRecording(path, reason, "Check the name and the file") from error
