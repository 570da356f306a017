"""Public events of the sensors service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistered:
    """A sensor was registered. `network`, `station`: SEED codes. Degrees and metres (WGS 84); None: not known.

    `network_id`: the network that it belongs to; None: not said.
    """

    sensor_id: str
    organisation_id: str
    network: str
    station: str
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None
    network_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorMoved:
    """A sensor belongs to another network now."""

    sensor_id: str
    organisation_id: str
    network_id: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCreated:
    """A network was created. `api_access`: whether keys reach its sensors."""

    network_id: str
    organisation_id: str
    api_access: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAccessChanged:
    """A network was closed to keys, or opened."""

    network_id: str
    organisation_id: str
    api_access: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkArchived:
    """No sensor joins the network any more; what it has stays readable."""

    network_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUnarchived:
    """An archived network is in use again."""

    network_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDeleted:
    """A network without sensors was deleted. Its id is never given again."""

    network_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventAdded:
    """A catalogue that was imported tells of a seismic event. `source`: whose catalogue. None: not known."""

    event_id: str
    organisation_id: str
    source: str
    origin_time: datetime
    latitude: float
    longitude: float
    depth_km: float | None = None
    magnitude: float | None = None
    magnitude_type: str | None = None
    location_description: str | None = None
    status: str | None = None
    network_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventRevised:
    """The source of a seismic event says otherwise now; all of it, as it is now."""

    event_id: str
    organisation_id: str
    origin_time: datetime
    latitude: float
    longitude: float
    depth_km: float | None = None
    magnitude: float | None = None
    magnitude_type: str | None = None
    location_description: str | None = None
    status: str | None = None
    network_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventWithdrawn:
    """The source of a seismic event says that it did not happen."""

    event_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEnded:
    """An export can be downloaded, or has failed for good. Not of the log; told until usage has a queue for it.

    `key_id`: the key that asked for it. `fault`: why it failed; None: it is ready, until `expires_at`. `bytes` and
    `sha256`, hexadecimal, of its file.
    """

    export_id: str
    organisation_id: str
    key_id: str
    format: str
    finished_at: datetime
    expires_at: datetime | None = None
    bytes: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    sha256: str | None = None
    fault: str | None = None


SensorsEvent = (
    SensorRegistered
    | SensorMoved
    | SensorLocated
    | SensorEpochStated
    | SensorConfigured
    | SensorDeleted
    | NetworkCreated
    | NetworkAccessChanged
    | NetworkArchived
    | NetworkUnarchived
    | NetworkDeleted
    | CatalogueEventAdded
    | CatalogueEventRevised
    | CatalogueEventWithdrawn
)
