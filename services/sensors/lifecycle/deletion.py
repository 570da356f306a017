"""Deletion of a sensor for good: event, row and recordings in one transaction; its files go with the next sweep."""

from sqlalchemy import Connection, delete

from services.sensors.arrival import tables
from services.sensors.arrival.accounts import add_to_deleted
from services.sensors.registry import sensor
from services.sensors.registry.events import SensorDeleted, SensorEvent, types
from services.sensors.registry.projection import project
from services.sensors.store.sample_store import SampleStore
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock

_OF_ARRIVAL = (
    tables.clock_era,
    tables.clock_window,
    tables.clock_block,
    tables.clock_line,
    tables.held_record,
    tables.sample_account,
    tables.differing,
    tables.recent_message,
    tables.rejected_minutes,
)


class SensorDeletion:
    def __init__(self, store: SqlEventStore, samples: SampleStore, clock: Clock) -> None:
        self._samples, self._clock = samples, clock
        # No relay: a deletion runs beside the service, whose own relay finds the new row within a second.
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=self._project,
            after_commit=lambda: None,
            clock=clock,
        )

    def delete(self, sensor_id: str, origin: Origin) -> bool:
        """False: there is no such sensor."""
        now = self._clock.now()
        done = self._sensors.execute(sensor_id, lambda state: sensor.decide_deletion(state, now), origin)
        return bool(done.rows)

    def _project(self, tx: Connection, row: StoredEvent, event: SensorEvent) -> None:
        project(tx, row, event)
        if isinstance(event, SensorDeleted):
            self._samples.forget(tx, event.sensor_id)
            add_to_deleted(tx, event.sensor_id)
            for table in _OF_ARRIVAL:
                tx.execute(delete(table).where(table.c.sensor_id == event.sensor_id))
