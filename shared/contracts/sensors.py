"""Public events of the sensors service."""

from dataclasses import dataclass
from datetime import datetime


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
class SensorEpochStated:
    """What holds of a sensor's place, codes, orientation or response in that time was stated, or corrected.

    `axis` None: of the whole sensor. Times None: since ever, and for ever.
    """

    sensor_id: str
    organisation_id: str
    axis: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfigured:
    """A sensor's configuration was changed. None: not set."""

    sensor_id: str
    organisation_id: str
    revision: int
    enabled: bool = True
    sample_rate_hz: float | None = None
    sensitivity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeleted:
    """A sensor was deleted, with its recordings. It may be registered again, under the same id."""

    sensor_id: str
    organisation_id: str


SensorsEvent = SensorRegistered | SensorLocated | SensorEpochStated | SensorConfigured | SensorDeleted
