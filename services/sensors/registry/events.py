"""Events of sensors, as stored in the log for ever: add fields and types, never change them."""

from dataclasses import dataclass
from datetime import datetime

from services.sensors.registry.configuration import Configuration
from services.sensors.registry.epoch import Facts
from shared.eventsourcing.event_types import Data, EventTypes

types = EventTypes()


@types.register("SensorRegistered", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistered:
    """`network`, `station`: SEED codes. Degrees and metres (WGS 84); None: not known. `unit`: of the samples.

    `network_id`: the network that it belongs to; None: of an older version, when there were none.
    """

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
    network_id: str | None = None


@types.upcaster("SensorRegistered", from_version=1)
def _before_networks(body: Data) -> Data:
    return body


@types.register("SensorLocated")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLocated:
    sensor_id: str
    organisation_id: str
    latitude: float
    longitude: float
    elevation_m: float | None
    located_at: datetime


@types.register("SensorEpochStated", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEpochStated:
    """What holds of a sensor from one time to another. `axis`: of which; None: of all of it.

    `starts_at` and `ends_at` None: since ever, and for ever. `source`: who says so, such as the name of a file.
    """

    sensor_id: str
    organisation_id: str
    axis: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    facts: Facts
    source: str
    stated_at: datetime


@types.upcaster("SensorEpochStated", from_version=1)
@types.upcaster("SensorConfigured", from_version=1)
def _before_types_and_locations(body: Data) -> Data:
    return body


@types.register("SensorConfigured", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfigured:
    """`configuration`: all of it, as it is from now on."""

    sensor_id: str
    organisation_id: str
    revision: int
    configuration: Configuration
    configured_at: datetime


@types.register("SensorMoved")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorMoved:
    """It belongs to another network now."""

    sensor_id: str
    organisation_id: str
    network_id: str
    moved_at: datetime


@types.register("SensorDeleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeleted:
    """Its recordings went with it. The same station, seen again, is registered under the same id."""

    sensor_id: str
    organisation_id: str
    deleted_at: datetime


SensorEvent = SensorRegistered | SensorLocated | SensorMoved | SensorEpochStated | SensorConfigured | SensorDeleted
