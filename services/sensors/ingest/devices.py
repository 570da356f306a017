"""Positions of OpenEEW devices, from the lists of their archive: devices.jsonl, devices.json, device_locations.json.

The first has a line for each period of a device's life, for devices are moved; the others say where each is now.
"""

import json
from bisect import bisect_right
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.sensors.arrival.record import AXES
from services.sensors.ingest.recording import UnreadableRecording, name_of
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.device_type import device_type
from services.sensors.registry.epoch import Facts, Orientation, Place
from shared.values.timestamps import from_nanoseconds

FILE_NAMES = ("devices.jsonl", "devices.json", "device_locations.json")
_PARENTS_MAX = 4  # records/2018_2_16/000/35.jsonl.gz lies four below the archive's root
_NS = 1_000_000_000
_BYTES_MAX = 16 * 2**20
_VERSION_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device in one period, from `from_ns` on. Degrees, metres; latitude and longitude are known together.

    `vertical_axis`: x, y or z; None: the list does not say.
    """

    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None
    from_ns: int = 0
    firmware_version: str | None = None
    vertical_axis: str | None = None
    device_type: str | None = None


class Devices:
    """Each device's periods, in order. `source`: the list's name."""

    def __init__(self, periods: Mapping[str, list[Device]], source: str = "") -> None:
        self.source = source
        self._periods = {
            device_id: sorted(periods[device_id], key=lambda period: period.from_ns) for device_id in periods
        }

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._periods))

    def epochs(self, device_id: str) -> tuple[StateEpoch, ...]:
        """What the list says of a device: its first period holds since ever, and each until the next."""
        periods = self._periods.get(device_id, [])
        told: list[StateEpoch] = []
        for number, period in enumerate(periods):
            starts_at = from_nanoseconds(period.from_ns) if number else None
            ends_at = from_nanoseconds(periods[number + 1].from_ns) if number + 1 < len(periods) else None
            told += [
                StateEpoch(axis=axis, starts_at=starts_at, ends_at=ends_at, facts=facts, source=self.source)
                for axis, facts in _facts(period)
                if starts_at != ends_at or starts_at is None
            ]
        return tuple(told)

    def at(self, device_id: str, at_ns: int) -> Device | None:
        """As it was then; before its first period, as in that. None: not in the list."""
        periods = self._periods.get(device_id)
        if not periods:
            return None
        return periods[max(bisect_right(periods, at_ns, key=lambda period: period.from_ns) - 1, 0)]


def find(recording: Path, devices: Path | None) -> Devices:
    """From `devices`, else from the nearest list beside the recording or above it.

    Raises UnreadableRecording when `devices` is not a list of devices. A file that was found, not named, is ignored
    when it is not one.
    """
    if devices is not None:
        return read(devices)
    for folder in recording.absolute().parents[: _PARENTS_MAX + 1]:
        for name in FILE_NAMES:
            try:
                return _read(folder / name)
            except (OSError, ValueError, RecursionError):
                continue
    return Devices({})


def read(path: Path) -> Devices:
    """Raises UnreadableRecording."""
    try:
        return _read(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = f"not a list of devices ({type(error).__name__})"
        remedy = "Give OpenEEW's devices.jsonl, devices.json or device_locations.json, or leave it out"
        raise UnreadableRecording(path, reason, remedy) from error


def _read(path: Path) -> Devices:
    with path.open("rb") as file:
        content = file.read(_BYTES_MAX).removeprefix(BOM_UTF8)
    periods: defaultdict[str, list[Device]] = defaultdict(list)
    for entry in _entries(content):
        if isinstance(entry, dict) and isinstance(device_id := entry.get("device_id"), str):
            periods[device_id].append(_device(entry))
    if not periods:
        raise ValueError("no entry has a device_id")
    return Devices(periods, name_of(path))


def _entries(content: bytes) -> Iterator[object]:
    if content.lstrip().startswith(b"["):
        yield from json.loads(content)
        return
    for line in content.splitlines():
        if line.strip():
            yield json.loads(line)


def _device(entry: Mapping[str, object]) -> Device:
    latitude = _number(entry.get("latitude"), 90)
    longitude = _number(entry.get("longitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    return Device(
        latitude=latitude,
        longitude=longitude,
        # The archive has 0 for every device, Mexico City's at 2,240 m too: there, 0 means not measured.
        elevation_m=_number(entry.get("elev", entry.get("elevation")), 9000) or None,
        from_ns=_moment(entry.get("effective_from")),
        firmware_version=_version(entry.get("firmware_version")),
        vertical_axis=_axis(entry.get("vertical_axis")),
        device_type=device_type(*(one for name in ("device_type", "model") if isinstance(one := entry.get(name), str))),
    )


def _facts(period: Device) -> Iterator[tuple[str | None, Facts]]:
    """By axis, None for the device itself."""
    place = None
    if period.latitude is not None and period.longitude is not None:
        place = Place(latitude=period.latitude, longitude=period.longitude, elevation_m=period.elevation_m)
    of_device = Facts(place=place, firmware_version=period.firmware_version, device_type=period.device_type)
    if of_device != Facts():
        yield None, of_device
    if period.vertical_axis is not None:
        yield period.vertical_axis, Facts(component="Z", orientation=Orientation(azimuth=0.0, dip=-90.0))
        horizontal = (axis for axis in AXES if axis != period.vertical_axis)
        for axis, component in zip(horizontal, "12", strict=True):
            yield axis, Facts(component=component, orientation=Orientation(azimuth=None, dip=0.0))


def _version(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip()[:_VERSION_CHARACTERS_MAX] or None


def _axis(value: object) -> str | None:
    axis = value.strip().lower() if isinstance(value, str) else None
    return axis if axis in AXES else None


def _moment(value: object) -> int:
    """Unix seconds or ISO 8601; else as if for ever."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return round(value * 1000) * 1_000_000
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return 0
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * _NS
    return 0


def _number(value: object, limit: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -limit <= value <= limit else None
