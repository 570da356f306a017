"""Public events of the sensors service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistered:
    """`network`, `station`: SEED codes. Degrees and metres (WGS 84); None: not known."""

    sensor_id: str
    organisation_id: str
    network: str
    station: str
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLocated:
    sensor_id: str
    organisation_id: str
    latitude: float
    longitude: float
    elevation_m: float | None = None


SensorsEvent = SensorRegistered | SensorLocated
