"""Import of recordings: registers their sensors, stores their samples, and accounts for what was not usable.

Importing again what was imported, wholly or in part, adds nothing twice, so an import that was stopped is simply
run again.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from services.sensors import sensor
from services.sensors.events import SensorEvent, types
from services.sensors.ingest import ReadResult, Recording, RejectedLine
from services.sensors.projection import project
from services.sensors.store.recording_store import RecordingStore
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file. `sensor_ids` in the order of the file."""

    sensor_ids: tuple[str, ...]
    samples_new: int
    samples_known: int
    lines_read: int
    rejected: tuple[RejectedLine, ...]


class Importer:
    def __init__(self, store: SqlEventStore, recordings: RecordingStore, clock: Clock) -> None:
        self._recordings, self._clock = recordings, clock
        # No relay: an import runs beside the service, whose own relay finds the new rows within a second.
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=project,
            after_commit=lambda: None,
            clock=clock,
        )

    def store(self, result: ReadResult, organisation_id: str, origin: Origin) -> Imported:
        """Raises StationCodeTaken before anything of the file is stored."""
        commands = [_command(recording, organisation_id) for recording in result.recordings]
        for command in commands:
            self._register(command, origin)
        stored = [
            self._recordings.store(command.sensor_id, recording.segments)
            for command, recording in zip(commands, result.recordings, strict=True)
        ]
        return Imported(
            sensor_ids=tuple(command.sensor_id for command in commands),
            samples_new=sum(part.new for part in stored),
            samples_known=sum(part.known for part in stored),
            lines_read=result.lines_read,
            rejected=result.rejected,
        )

    def _register(self, command: sensor.RegisterSensor, origin: Origin) -> None:
        now = self._clock.now()
        self._sensors.execute(command.sensor_id, lambda state: sensor.decide(state, command, now), origin)


def _command(recording: Recording, organisation_id: str) -> sensor.RegisterSensor:
    return sensor.RegisterSensor(
        organisation_id=organisation_id,
        network=recording.network,
        station=recording.station,
        name=recording.name or f"{recording.network}.{recording.station}",
        unit=recording.unit,
        location=sensor.location(recording.latitude, recording.longitude, recording.elevation_m),
    )
