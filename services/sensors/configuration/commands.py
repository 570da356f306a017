"""Command that configures a sensor: decided on its stream, by what its caller has seen, and judged at the commit."""

from collections.abc import Callable

from sqlalchemy import Connection

from services.sensors.registry import sensor
from services.sensors.registry.changes import decide_configuration
from services.sensors.registry.configuration import Configuration
from services.sensors.registry.events import SensorEvent, types
from services.sensors.registry.projection import project
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository, nothing
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.values.revision import SeenRevisions


class ConfigurationCommands:
    def __init__(self, store: SqlEventStore, clock: Clock) -> None:
        self._clock = clock
        # No relay: the worker's own finds the new row within a second.
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=project,
            after_commit=lambda: None,
            clock=clock,
        )

    def configure(
        self,
        sensor_id: str,
        change: Callable[[Configuration], Configuration],
        seen: SeenRevisions,
        origin: Origin,
        fence: Callable[[Connection], None] = nothing,
        *,
        is_located: bool,
    ) -> tuple[Configuration, int]:
        """The configuration after the change, and its revision. `change` may refuse, and is called again after a race.

        `is_located`: it names where the sensor stands.
        Raises SensorIsDeleted or RevisionDiffers.
        """
        now = self._clock.now()

        def decide(state: sensor.Sensor | None) -> tuple[SensorEvent, ...]:
            before = Configuration() if state is None else state.configuration
            return decide_configuration(state, change(before), seen, now, is_located=is_located)

        after = self._sensors.execute(sensor_id, decide, origin, fence=fence).state
        assert after is not None  # noqa: S101  decide_configuration refuses one that is not there
        return after.configuration, after.revision
