"""Coordinates of OpenEEW devices, from the devices.json of their archive."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.sensors.ingest.recording import UnreadableRecording

FILE_NAME = "devices.json"
_PARENTS_MAX = 4  # records/2018_2_16/000/35.jsonl.gz lies four below the archive's root


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Degrees, metres; latitude and longitude are both known, or both None."""

    latitude: float | None
    longitude: float | None
    elevation_m: float | None


def find(recording: Path, devices: Path | None) -> Mapping[str, Device]:
    """Device id → device, from `devices`, else from the nearest devices.json beside the recording or above it.

    Raises UnreadableRecording when `devices` is not a list of devices. A file that was found, not named, is ignored
    when it is not one.
    """
    if devices is not None:
        try:
            return _read(devices)
        except (OSError, ValueError, RecursionError) as error:
            reason = f"not a list of devices ({type(error).__name__})"
            raise UnreadableRecording(devices, reason, "Give OpenEEW's devices.json, or leave it out") from error
    for folder in recording.absolute().parents[: _PARENTS_MAX + 1]:
        try:
            return _read(folder / FILE_NAME)
        except (OSError, ValueError, RecursionError):
            continue
    return {}


def _read(path: Path) -> Mapping[str, Device]:
    entries = json.loads(path.read_bytes())
    if not isinstance(entries, list):
        raise ValueError("not a list")
    return {
        entry["device_id"]: _device(entry)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("device_id"), str)
    }


def _device(entry: Mapping[str, object]) -> Device:
    latitude = _number(entry.get("latitude"), 90)
    longitude = _number(entry.get("longitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    # The archive has 0 for every device, Mexico City's at 2,240 m too: there, 0 means not measured.
    elevation_m = _number(entry.get("elev"), 9000) or None
    return Device(latitude=latitude, longitude=longitude, elevation_m=elevation_m)


def _number(value: object, limit: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -limit <= value <= limit else None
