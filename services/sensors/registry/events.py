"""Events of sensors, as stored in the log for ever: add fields and types, never change them."""

from dataclasses import dataclass
from datetime import datetime

from shared.eventsourcing.event_types import EventTypes

types = EventTypes()


@types.register("SensorRegistered")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistered:
    """`network`, `station`: SEED codes. Degrees and metres (WGS 84); None: not known. `unit`: of the samples."""

    sensor_id: str
    organisation_id: str
    network: str
    station: str
    name: str
    latitude: float | None
    longitude: float | None
    elevation_m: float | None
    unit: str
    registered_at: datetime


@types.register("SensorLocated")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLocated:
    sensor_id: str
    organisation_id: str
    latitude: float
    longitude: float
    elevation_m: float | None
    located_at: datetime


@types.register("SensorDeleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeleted:
    """Its recordings went with it. The same station, seen again, is registered under the same id."""

    sensor_id: str
    organisation_id: str
    deleted_at: datetime


SensorEvent = SensorRegistered | SensorLocated | SensorDeleted
