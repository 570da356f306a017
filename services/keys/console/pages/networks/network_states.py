"""What pages show and change of networks and sensors, asked of the sensors service, which may be away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.eventsourcing.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """The last minute of a channel: the lowest and highest sample of each column, oldest first; None: none there."""

    channel: str
    ends_at: datetime
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorState:
    """`status`: the sensors service's word. `data_completeness`: of the last day, from 0 to 1; None: not known."""

    id: str
    name: str
    status: str
    last_sample_at: datetime | None = None
    data_completeness: float | None = None
    last_minute: Minute | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """`api_access`: whether keys reach it. `accepts_new`: whether sensors may join it. `revision`: counts changes."""

    id: str
    name: str
    api_access: bool
    accepts_new: bool
    archived: bool
    total_sensors: int
    online_sensors: int
    description: str | None = None
    data_completeness: float | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What a person sets of a network; each as of NetworkState."""

    name: str
    description: str | None
    api_access: bool
    accepts_new: bool
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPage:
    """`next_after`: where the next page begins; None on the last. `total`: on all pages."""

    networks: tuple[NetworkState, ...]
    total: int
    next_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPage:
    """The sensors of one network."""

    network: NetworkState
    sensors: tuple[SensorState, ...]
    total: int
    next_after: str | None = None


class SensorsAway(Exception):
    """Sensors did not answer in time."""


class NoSuchNetwork(Exception):
    """Not the organisation's, or nowhere."""


class NetworkRefused(Exception):
    """Not as the network, or the organisation, is now. Which is seen when it is read again."""


class NetworkStates(Protocol):
    """Each answers within a second, or raises SensorsAway. `after`: `next_after` of the page before; "": the first."""

    def networks(self, organisation_id: str, after: str) -> NetworkPage: ...

    def sensors(self, organisation_id: str, network_id: str, after: str) -> SensorPage:
        """Raises NoSuchNetwork."""
        ...

    def network(self, organisation_id: str, network_id: str) -> NetworkState:
        """Raises NoSuchNetwork."""
        ...

    def create(self, organisation_id: str, network_id: str, settings: NetworkSettings, origin: Origin) -> None:
        """Once for an id. Raises NetworkRefused, or NoSuchNetwork if the one of this id was deleted since."""
        ...

    def change(
        self, organisation_id: str, network_id: str, settings: NetworkSettings, revision: int, origin: Origin
    ) -> None:
        """`revision`: that which the change is based on. Raises NoSuchNetwork or NetworkRefused."""
        ...

    def delete(self, organisation_id: str, network_id: str, name: str, origin: Origin) -> None:
        """`name`: as it was typed. Raises NoSuchNetwork or NetworkRefused."""
        ...
