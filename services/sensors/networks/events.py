"""Events of networks, as stored in the log for ever: add fields and types, never change them."""

from dataclasses import dataclass
from datetime import datetime

from services.sensors.registry.events import types


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """When earthquakes are detected; None: the detector's own choice. Nothing detects them by these yet.

    `trigger_on`, `trigger_off`: ratios of short to long-term average. `stations_min`: that must see it within
    `window_seconds`.
    """

    trigger_on: float | None = None
    trigger_off: float | None = None
    stations_min: int | None = None
    window_seconds: float | None = None


@types.register("NetworkCreated")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCreated:
    """`api_access`: whether keys reach its sensors. `accepts_new`: whether sensors may join it."""

    network_id: str
    organisation_id: str
    name: str
    description: str | None
    api_access: bool
    accepts_new: bool
    detection: Detection
    created_at: datetime


@types.register("NetworkDescribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDescribed:
    network_id: str
    organisation_id: str
    name: str
    description: str | None
    described_at: datetime


@types.register("NetworkAccessChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAccessChanged:
    network_id: str
    organisation_id: str
    api_access: bool
    accepts_new: bool
    changed_at: datetime


@types.register("NetworkDetectionChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDetectionChanged:
    network_id: str
    organisation_id: str
    detection: Detection
    changed_at: datetime


@types.register("NetworkArchived")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkArchived:
    """No sensor joins it any more; what it has stays readable."""

    network_id: str
    organisation_id: str
    archived_at: datetime


@types.register("NetworkUnarchived")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUnarchived:
    network_id: str
    organisation_id: str
    unarchived_at: datetime


@types.register("NetworkDeleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDeleted:
    """It had no sensors. Its id is never given again."""

    network_id: str
    organisation_id: str
    deleted_at: datetime


NetworkEvent = (
    NetworkCreated
    | NetworkDescribed
    | NetworkAccessChanged
    | NetworkDetectionChanged
    | NetworkArchived
    | NetworkUnarchived
    | NetworkDeleted
)
