"""Health, status, configuration and epochs on PostgreSQL: the same statements, the same answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.sensors import assembly
from services.sensors.health.measuring import HealthMeasuring
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.epoch import Facts, Place
from services.sensors.registry.status import Status
from services.sensors.registry.visible import Visible
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock, SystemClock
from shared.sql.database import Database
from tests.gate_examples import MemoryBus
from tests.integration.web.sensor_world import seconds_of_records
from tests.servers import Postgres
from tests.service_database import new_service_database

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, assembly.MIGRATIONS)
    yield database
    database.close()


def test_what_arrived_is_measured_and_filtered_by(database: Database, tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    sensors = assembly.assemble(database, MemoryBus(), clock, tmp_path / "samples")  # type: ignore[arg-type]  # no events
    place = Facts(place=Place(latitude=17.0, longitude=-96.0))
    recording = Recording(
        network="XX",
        station="A",
        name="A",
        latitude=None,
        longitude=None,
        elevation_m=None,
        unit="mGal",
        records=tuple(seconds_of_records(clock.now().timestamp(), 120)),
        epochs=(StateEpoch(axis=None, starts_at=None, ends_at=None, facts=place, source="test"),),
    )
    clock.advance(121)
    read = ReadResult(recordings=(recording,), lines_read=120, rejected=())
    (sensor_id,) = sensors.importer.store(read, "org_1", Origin(actor="test")).sensor_ids
    sensors.importer.decide([sensor_id])
    assert HealthMeasuring(database, clock).run() == 1
    found = sensors.queries.list_sensors(Visible(organisation_id="org_1"), 20, status=Status.ONLINE)
    assert ([one.id for one in found.sensors], found.total) == ([sensor_id], 1)
    assert found.sensors[0].location is not None
    assert sensors.queries.position() > 0
    clock.advance(700)
    assert sensors.queries.list_sensors(Visible(organisation_id="org_1"), 20, status=Status.ONLINE).total == 0
