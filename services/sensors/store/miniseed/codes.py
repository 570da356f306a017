"""SEED codes of a channel: network, station, location, channel; and which codes a sensor's axis has at a time."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Protocol

from cachetools import TTLCache
from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.registry import epoch_rows
from services.sensors.registry.epoch import Epochs, edges_within, facts_at

_FIELDS = {"network": "{0,2}", "station": "{1,5}", "location": "{0,2}", "channel": "{1,3}"}

_STATIONS_MAX = 10_000
_BANDS = ((1000, "F"), (250, "C"), (80, "H"), (10, "B"), (0, "M"))

ASSUMED_COMPONENTS = {"x": "Z", "y": "1", "z": "2"}
"""Of an OpenEEW device whose orientation nobody states: x is vertical, y and z horizontal, of no known azimuth."""

RATE_HZ = 31.25
"""Of an OpenEEW device that states none."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Codes:
    """Letters, digits, `_` and `-`, as many as a miniSEED 2 header holds; network and location may be empty."""

    network: str
    station: str
    location: str
    channel: str

    def __post_init__(self) -> None:
        for name, lengths in _FIELDS.items():
            if re.fullmatch(f"[A-Za-z0-9_-]{lengths}", getattr(self, name)) is None:
                raise ValueError(f"{self} does not fit a miniSEED header")

    def __str__(self) -> str:
        return f"{self.network}.{self.station}.{self.location}.{self.channel}"


class SensorUnknown(Exception):
    """There is no such sensor, or no longer."""


class SensorCodes(Protocol):
    """Codes of one sensor, as they were known when they were read."""

    def at(self, axis: str, at_ns: int, rate_hz: float) -> Codes: ...

    def edges(self, axis: str, from_ns: int, to_ns: int) -> list[int]:
        """Moments between the two at which the codes of an axis may change."""
        ...


class Coding(Protocol):
    def of(self, tx: Connection, sensor_id: str) -> SensorCodes:
        """Raises SensorUnknown."""
        ...

    def of_many(self, tx: Connection, sensor_ids: Iterable[str]) -> Mapping[str, SensorCodes]:
        """As they are now. Sensors that there are not are not in it."""
        ...

    def axis(self, tx: Connection, sensor_id: str, codes: Codes, at_ns: int, rate_hz: float) -> str:
        """The axis that had these codes then: the way back, for files whose index was lost."""
        ...


class AxisCodes:
    """Codes by the axis and its epochs: `LOCATION.CHANNEL` as named, OpenEEW's x, y and z as here, unless stated.

    `kept_seconds`: for how long what was read of a sensor is used again, for readers.
    """

    def __init__(self, kept_seconds: float = 0) -> None:
        self._kept: TTLCache[str, _SensorCodes] = TTLCache(_STATIONS_MAX, kept_seconds)
        self._lock = Lock()

    def of(self, tx: Connection, sensor_id: str) -> "_SensorCodes":
        with self._lock:
            found = self._kept.get(sensor_id)
        if found is None:
            found = self.of_many(tx, [sensor_id]).get(sensor_id)
            if found is None:
                raise SensorUnknown(sensor_id)
            with self._lock:
                self._kept[sensor_id] = found
        return found

    def of_many(self, tx: Connection, sensor_ids: Iterable[str]) -> "Mapping[str, _SensorCodes]":
        rows = epoch_rows.with_codes(tx, sensor_ids)
        return {
            sensor_id: _SensorCodes(network=network, station=station, epochs=epochs)
            for sensor_id, (network, station, epochs) in rows.items()
        }

    def axis(self, tx: Connection, sensor_id: str, codes: Codes, at_ns: int, rate_hz: float) -> str:
        of_sensor = self.of(tx, sensor_id)
        found = tx.execute(select(tables.channel.c.axis).where(tables.channel.c.sensor_id == sensor_id)).scalars().all()
        named = axis_name(codes.location, codes.channel)
        return next((axis for axis in found if of_sensor.at(axis, at_ns, rate_hz) == codes), named)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SensorCodes:
    network: str
    station: str
    epochs: Mapping[str, Epochs]

    def at(self, axis: str, at_ns: int, rate_hz: float) -> Codes:
        facts = facts_at(self.epochs.get(axis, ()), at_ns)
        location, channel = _of_axis(axis, rate_hz, facts.component)
        if facts.location_code is not None:  # it may be empty
            location = facts.location_code
        return _codes(self.network, self.station, location, facts.channel_code or channel)

    def edges(self, axis: str, from_ns: int, to_ns: int) -> list[int]:
        return edges_within(self.epochs.get(axis, ()), from_ns, to_ns)


def device_channel(rate_hz: float, component: str) -> str:
    """Of an accelerometer: the band by the sample rate, as SEED has it, and the component.

    A rate counts as the one that it is a thousandth below: no clock is as exact as a band's edge.
    """
    band = next(letter for rate_min, letter in _BANDS if rate_hz * 1.001 >= rate_min)
    return f"{band}N{component}"


def _of_axis(axis: str, rate_hz: float, component: str | None) -> tuple[str, str]:
    """Location and channel where they are not stated."""
    assumed = ASSUMED_COMPONENTS.get(axis)
    if assumed is not None:
        return "", device_channel(rate_hz, component or assumed)
    location, _, channel = axis.partition(".")
    return location, channel


@lru_cache(_STATIONS_MAX)
def _codes(network: str, station: str, location: str, channel: str) -> Codes:
    return Codes(network=network, station=station, location=location, channel=channel)


def axis_name(location: str, channel: str) -> str:
    return f"{location}.{channel}"
