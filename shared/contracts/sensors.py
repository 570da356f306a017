"""Public events of the sensors service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistered:
    """A sensor was registered. `network`, `station`: SEED codes. Degrees and metres (WGS 84); None: not known."""

    sensor_id: str
    organisation_id: str
    network: str
    station: str
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLocated:
    """A sensor's position was changed. Degrees and metres (WGS 84)."""

    sensor_id: str
    organisation_id: str
    latitude: float
    longitude: float
    elevation_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeleted:
    """A sensor was deleted, with its recordings. It may be registered again, under the same id."""

    sensor_id: str
    organisation_id: str


SensorsEvent = SensorRegistered | SensorLocated | SensorDeleted
