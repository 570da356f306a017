"""Statements of epochs: event, rows, and the hours whose codes they correct, in one transaction.

Those hours are sealed anew in the background; until then their records are told under the codes that they had.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.sensors.registry import sensor
from services.sensors.registry.changes import StateEpoch, decide_epochs
from services.sensors.registry.events import SensorEpochStated, SensorEvent, types
from services.sensors.registry.projection import project
from services.sensors.store.sample_store import SampleStore
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock


class EpochStatements:
    def __init__(self, store: SqlEventStore, samples: SampleStore, clock: Clock) -> None:
        self._samples, self._clock = samples, clock
        # No relay: the worker's own finds the new rows within a second.
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=self._project,
            after_commit=lambda: None,
            clock=clock,
        )

    def state(self, sensor_id: str, told: Sequence[StateEpoch], origin: Origin) -> int:
        """How many of them were not known yet; a sensor that is not there has none. Raises TooManyEpochs."""
        now = self._clock.now()
        return len(self._sensors.execute(sensor_id, lambda state: decide_epochs(state, told, now), origin).rows)

    def _project(self, tx: Connection, row: StoredEvent, event: SensorEvent) -> None:
        project(tx, row, event)
        if isinstance(event, SensorEpochStated) and event.axis is not None and event.facts.are_codes:
            epoch = sensor.epoch_of(event)
            self._samples.lock(tx, event.sensor_id)
            self._samples.recode(tx, event.sensor_id, event.axis, epoch.from_ns, epoch.to_ns)
