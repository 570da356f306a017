"""Overview of an organisation's networks and of the sensors of one, page by page, for who is no key: RPC alone asks."""

from dataclasses import dataclass
from datetime import datetime

from services.sensors.networks.queries import NetworkQueries, NetworkView
from services.sensors.networks.statistics import SensorRecords, StatisticsQueries
from services.sensors.overview.minute import SECONDS, Minute, minute
from services.sensors.registry.queries import SensorQueries, SensorView
from services.sensors.registry.status import Status
from services.sensors.registry.visible import Visible
from services.sensors.store.even_times import NS
from services.sensors.store.reader import SampleReader
from services.sensors.store.span import SpanDamaged


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """`data_completeness`: as of NetworkStatistics."""

    id: str
    name: str
    description: str | None
    api_access: bool
    accepts_new: bool
    archived: bool
    total_sensors: int
    online_sensors: int
    data_completeness: float | None
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStates:
    """`next_after`: where the next page begins; None on the last."""

    networks: tuple[NetworkState, ...]
    next_after: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorState:
    """`data_completeness`: of the last day; None: no recordings. `last_minute`: of its first channel."""

    id: str
    name: str
    network_id: str | None
    status: Status
    last_sample_at: datetime | None
    data_completeness: float | None
    last_minute: Minute | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStates:
    """`network`: whose sensors these are; None: of all."""

    network: NetworkState | None
    sensors: tuple[SensorState, ...]
    next_after: str | None
    total: int


class Overview:
    def __init__(
        self, networks: NetworkQueries, statistics: StatisticsQueries, sensors: SensorQueries, reader: SampleReader
    ) -> None:
        self._networks, self._statistics, self._sensors, self._reader = networks, statistics, sensors, reader

    def networks(self, organisation_id: str, limit: int, after: str = "") -> NetworkStates:
        """Oldest first."""
        visible, (time, _, network_id) = Visible(organisation_id=organisation_id), after.partition(" ")
        page = self._networks.list_networks(visible, limit, (time, network_id) if after else None)
        counted = self._statistics.of_networks(visible, [network.id for network in page.networks])
        return NetworkStates(
            networks=tuple(
                _network_state(network, counted[network.id].online_sensors, counted[network.id].data_completeness)
                for network in page.networks
            ),
            next_after=None if page.place is None else " ".join(page.place),
            total=page.total,
        )

    def sensors(self, organisation_id: str, network_id: str | None, limit: int, after: str = "") -> SensorStates:
        """By id; of one network, or of all. Raises NoSuchNetwork."""
        visible = Visible(organisation_id=organisation_id)
        network = None if network_id is None else self._network(visible, network_id)
        page = self._sensors.list_sensors(visible, limit, after, network_id=network_id)
        records = self._statistics.of_sensors(visible, [sensor.id for sensor in page.sensors])
        return SensorStates(
            network=network,
            sensors=tuple(self._sensor_state(sensor, records.get(sensor.id)) for sensor in page.sensors),
            next_after=page.next_after,
            total=page.total,
        )

    def _network(self, visible: Visible, network_id: str) -> NetworkState:
        network = self._networks.get_network(visible, network_id)
        counted = self._statistics.of_network(visible, network_id)
        return _network_state(network, counted.online_sensors, counted.data_completeness)

    def _sensor_state(self, sensor: SensorView, records: SensorRecords | None) -> SensorState:
        return SensorState(
            id=sensor.id,
            name=sensor.name,
            network_id=sensor.network_id,
            status=sensor.status,
            last_sample_at=sensor.last_sample_at,
            data_completeness=None if records is None else records.completeness,
            last_minute=None if records is None or records.last_ns is None else self._minute(sensor, records.last_ns),
        )

    def _minute(self, sensor: SensorView, last_ns: int) -> Minute | None:
        """None also where it cannot be read: this is a picture, and what is damaged is told elsewhere."""
        channel = sensor.channels[0].code
        try:
            found = self._reader.segments(sensor.id, last_ns + 1 - SECONDS * NS, last_ns + 1, channel)
        except (SpanDamaged, FileNotFoundError):
            return None
        return minute(found, last_ns)


def _network_state(network: NetworkView, online_sensors: int, data_completeness: float | None) -> NetworkState:
    return NetworkState(
        id=network.id,
        name=network.name,
        description=network.description,
        api_access=network.api_access,
        accepts_new=network.accepts_new,
        archived=network.archived,
        total_sensors=network.sensor_count,
        online_sensors=online_sensors,
        data_completeness=data_completeness,
        revision=network.revision,
    )
