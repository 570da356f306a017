"""Ingest: recordings read from files of any supported format, recognised by content.

Every line or trace is read or rejected with its reason. Start reading at recording.py (what a file yields), then
openeew.py; importer.py stores the result.
"""

import os
import stat
from codecs import BOM_UTF8
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from services.sensors.ingest import obspy_formats, openeew, station_xml
from services.sensors.ingest.devices import FILE_NAMES
from services.sensors.ingest.openeew import described
from services.sensors.ingest.recording import (
    ReadResult,
    Recording,
    RejectedLine,
    UnreadableRecording,
    opened,
)
from shared.values.timestamps import to_nanoseconds

__all__ = ["ReadResult", "Recording", "RejectedLine", "UnreadableRecording", "files_in", "read", "read_lines"]


def read(path: Path, *, now: datetime, devices: Path | None = None) -> ReadResult:
    """The file's recordings, and what was rejected. `devices` names a list of OpenEEW's devices, if one is needed.

    The same file always gives the same answer, but for clocks ahead of `now`. Raises UnreadableRecording when it shows
    no sample, not even one that is rejected.
    """
    with opened(path) as content:
        head = content.read1(4096)  # of what is broken further on, too
    if path.name in FILE_NAMES:
        return described(path)
    if station_xml.is_station_xml(head):
        return station_xml.read(path)
    if _is_json_lines(head, path):
        return openeew.read(path, devices=devices, now_ns=to_nanoseconds(now))
    return obspy_formats.read(path, now_ns=to_nanoseconds(now))


def read_lines(lines: BinaryIO, *, now: datetime, devices: Path | None = None) -> ReadResult:
    """OpenEEW's lines that come without a name, packed or not, up to their end. Raises UnreadableRecording."""
    return openeew.read_lines(lines, devices=devices, now_ns=to_nanoseconds(now))


def describes(path: Path) -> bool:
    """Whether the file is, by its name, one that describes sensors and holds no recordings."""
    return path.name in FILE_NAMES or ".xml" in path.suffixes


def files_in(folder: Path) -> list[Path]:
    """All that may be recordings, in folders within, too, by name: not what is hidden, nor lists of devices.

    Links are followed, to each folder once. A folder that cannot be listed is in it, and a link to nothing: who reads
    them is told why not.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    walk = os.walk(folder, onerror=lambda error: found.append(Path(error.filename)), followlinks=True)
    for within, folders, names in walk:
        folders.sort()
        at = os.stat(within)
        if (at.st_dev, at.st_ino) in seen:
            folders.clear()
            continue
        seen.add((at.st_dev, at.st_ino))
        found += [file for file in (Path(within, name) for name in names) if _may_be_recording(file)]
    return sorted(found)


def _may_be_recording(file: Path) -> bool:
    if file.name in FILE_NAMES or file.name.startswith("."):
        return False
    try:
        return stat.S_ISREG(file.stat().st_mode)  # a pipe would be waited for
    except OSError:
        return True


def _is_json_lines(head: bytes, path: Path) -> bool:
    # By name too, so that one broken first line does not cost the rest; but no text holds a zero byte.
    return b"\0" not in head and (head.removeprefix(BOM_UTF8).lstrip().startswith(b"{") or ".jsonl" in path.suffixes)
