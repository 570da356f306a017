"""Moves: sensors join another network, all of those that are named or none."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.networks.commands import UNCONDITIONAL, Terms, check_takes_sensors, find_network
from services.sensors.registry import sensor
from services.sensors.registry.events import SensorEvent, types
from services.sensors.registry.projection import project
from services.sensors.registry.visible import Visible
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository, nothing
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.sql.in_values import in_values


class NoSuchSensors(Exception):
    """`ids`: of those named, the ones that are not for the caller to see."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        super().__init__(f"there is no sensor {ids[0]}")


class SensorMoves:
    def __init__(self, store: SqlEventStore, clock: Clock) -> None:
        self._clock = clock
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=project,
            after_commit=lambda: None,
            clock=clock,
        )

    def move(
        self,
        visible: Visible,
        network_id: str,
        sensor_ids: Sequence[str],
        origin: Origin,
        terms: Terms = UNCONDITIONAL,
    ) -> None:
        """Raises NoSuchNetwork, TakesNoSensors or NoSuchSensors. One that belongs to the network already stays."""
        now, keep = self._clock.now(), terms.keep

        def choose(tx: Connection) -> Sequence[str]:
            sensors = tables.sensor
            find_network(tx, visible, network_id)
            check_takes_sensors(tx, visible.organisation_id, network_id)
            wanted = select(sensors.c.id).where(in_values(tx, sensors.c.id, sensor_ids))
            known = set(tx.execute(visible.of(wanted)).scalars())
            if unknown := [one for one in sensor_ids if one not in known]:
                raise NoSuchSensors(unknown)
            return list(dict.fromkeys(sensor_ids))

        self._sensors.execute_locked(
            choose,
            lambda state: sensor.decide_move(state, network_id, now),
            origin,
            fence=terms.fence,
            also=nothing if keep is None else lambda tx: keep(tx, network_id),
        )
