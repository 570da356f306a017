"""Recording: what a file yields, as stations with their segments, and what was rejected, with the reason.

Nothing is guessed: a coordinate that no source states is None.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import open as gunzip
from io import BufferedIOBase
from pathlib import Path
from typing import Literal
from zlib import error as ZlibError

from services.sensors.store.waveform import Extent, Segment, uncovered

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

    Segments come by channel and time, and no two of a channel cover the same instant. Coordinates are degrees
    (WGS 84); `mGal` is 1e-5 m/s².
    """

    network: str
    station: str
    name: str | None
    latitude: float | None
    longitude: float | None
    elevation_m: float | None
    unit: Literal["mGal", "counts"]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A line of a text file, or a trace of a waveform file, that was left out. `line` None: the file as a whole."""

    line: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadResult:
    """What one file yields. `lines_read` counts lines or traces, rejected ones included, blank ones not."""

    recordings: tuple[Recording, ...]
    lines_read: int
    rejected: tuple[RejectedLine, ...]


@contextmanager
def opened(path: Path) -> Iterator[BufferedIOBase]:
    """The file's bytes, unpacked when they begin as gzip does, whatever the name.

    Faults of the file met inside the block (absent, a directory, cut short, corrupt) become UnreadableRecording.
    """
    if path.is_dir():
        raise UnreadableRecording(path, "it is a directory", "Give the files in it")
    try:
        with path.open("rb") as raw:
            magic = raw.read(len(_GZIP_MAGIC))
            raw.seek(0)
            if not magic:
                raise UnreadableRecording(path, "the file is empty", "Fetch it again")
            if magic == _GZIP_MAGIC:
                with gunzip(raw) as unpacked:
                    yield unpacked
            elif path.suffix == ".gz":
                raise UnreadableRecording(
                    path, "its name ends in .gz, but it is not a gzip file", "Rename it, or fetch it again"
                )
            else:
                yield raw
    except EOFError as error:
        raise UnreadableRecording(path, "the gzip file is cut short", "Fetch it again") from error
    except ZlibError as error:
        raise UnreadableRecording(path, f"the gzip file is corrupt ({error})", "Fetch it again") from error
    except OSError as error:
        reason = error.strerror or str(error)  # gzip's own OSErrors have no errno
        raise UnreadableRecording(path, reason, "Check the name and the file") from error


def disjoint(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments by channel and time, each without the samples that earlier ones already cover."""
    kept: list[Segment] = []
    recent: list[Extent] = []
    channel = None
    for segment in sorted(segments, key=lambda one: (one.channel, one.location_code, one.start_ns)):
        if channel != (channel := (segment.channel, segment.location_code)):
            recent = []
        # Segments come by start: an extent that ended two intervals ago covers none of the next ones either.
        recent = [one for one in recent if one.end_ns + 2e9 / one.sample_rate_hz > segment.start_ns]
        parts = uncovered(segment, recent)
        recent += [part.extent for part in parts]
        kept += parts
    return tuple(kept)
