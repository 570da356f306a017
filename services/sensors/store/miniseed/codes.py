"""SEED codes of a channel: network, station, location, channel; and which codes a sensor's axis has at a time."""

import re
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from cachetools import LRUCache, cachedmethod
from sqlalchemy import Connection, select

from services.sensors import tables

_FIELDS = {"network": "{0,2}", "station": "{1,5}", "location": "{0,2}", "channel": "{1,3}"}

_STATIONS_MAX = 10_000
_DEVICE_AXES = {"x": ".BNZ", "y": ".BN1", "z": ".BN2"}


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


class Coding(Protocol):
    def codes(self, tx: Connection, sensor_id: str, axis: str, at_ns: int) -> Codes:
        """Raises SensorUnknown."""
        ...

    def axis(self, tx: Connection, sensor_id: str, codes: Codes, at_ns: int) -> str:
        """The axis that had these codes then: the way back, for files whose index was lost."""
        ...


class AxisCodes:
    """Codes by the axis alone: `LOCATION.CHANNEL` as named, OpenEEW's x, y and z as here; the rest is the sensor's.

    B: 10 to 80 Hz; N: accelerometer; x is the vertical, and y and z are horizontal, of no known azimuth.
    """

    def __init__(self) -> None:
        # A sensor's id is made from these two, so they never change.
        self._stations: LRUCache[str, tuple[str, str]] = LRUCache(_STATIONS_MAX)
        self._lock = Lock()

    def codes(self, tx: Connection, sensor_id: str, axis: str, at_ns: int) -> Codes:
        network, station = self._station(tx, sensor_id)
        location, _, channel = _DEVICE_AXES.get(axis, axis).partition(".")
        return Codes(network=network, station=station, location=location, channel=channel)

    def axis(self, tx: Connection, sensor_id: str, codes: Codes, at_ns: int) -> str:
        named = axis_name(codes.location, codes.channel)
        found = tx.execute(select(tables.channel.c.axis).where(tables.channel.c.sensor_id == sensor_id)).scalars().all()
        return next((axis for axis in found if _DEVICE_AXES.get(axis) == named), named)

    @cachedmethod(
        lambda self: self._stations, key=lambda _self, _tx, sensor_id: sensor_id, lock=lambda self: self._lock
    )
    def _station(self, tx: Connection, sensor_id: str) -> tuple[str, str]:
        table = tables.sensor
        row = tx.execute(select(table.c.network, table.c.station).where(table.c.id == sensor_id)).one_or_none()
        if row is None:
            raise SensorUnknown(sensor_id)
        return row.network, row.station


def axis_name(location: str, channel: str) -> str:
    return f"{location}.{channel}"
