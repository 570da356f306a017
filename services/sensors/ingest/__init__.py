"""Ingest: recordings read from files of any supported format, recognised by content.

Every line or trace is read or rejected with its reason. Start reading at recording.py (what a file yields), then
openeew.py; importer.py stores the result.
"""

from pathlib import Path

from services.sensors.ingest import obspy_formats, openeew
from services.sensors.ingest.recording import (
    ReadResult,
    Recording,
    RejectedLine,
    UnreadableRecording,
    opened,
)

__all__ = ["ReadResult", "Recording", "RejectedLine", "UnreadableRecording", "read"]


def read(path: Path, *, devices: Path | None = None) -> ReadResult:
    """The file's recordings, and what was left out. `devices` names OpenEEW's devices.json, if one is needed.

    The same file always gives the same answer. Raises UnreadableRecording when none of it can be used.
    """
    with opened(path) as content:
        head = content.read(4096)
    if _is_json_lines(head, path):
        return openeew.read(path, devices=devices)
    return obspy_formats.read(path)


def _is_json_lines(head: bytes, path: Path) -> bool:
    # By name too, so that one broken first line does not cost the rest; but no text holds a zero byte.
    return b"\0" not in head and (head.lstrip().startswith(b"{") or ".jsonl" in path.suffixes)
