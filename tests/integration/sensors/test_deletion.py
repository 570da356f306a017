"""A deleted sensor is gone with its recordings, and its station can be registered again."""

from pathlib import Path

import numpy as np
import pytest

from services.sensors import assembly
from services.sensors.arrival.accounts import offered
from services.sensors.arrival.time_arrival import Timed
from services.sensors.assembly import Sensors
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.lifecycle.deletion import SensorDeletion
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.service_database import migrated

START_NS = 1_579_862_700_000_000_000


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    return assembly.assemble(migrated(database, assembly.MIGRATIONS), NoBus(), clock, tmp_path / "samples")


def test_a_deleted_sensor_is_gone_with_its_recordings_and_may_come_back(
    sensors: Sensors, clock: ManualClock, tmp_path: Path
) -> None:
    (sensor_id,) = sensors.importer.store(recorded(), ORGANISATION_ID, ORIGIN).sensor_ids
    sensors.samples.sealer.run(settled=False)
    deletion = SensorDeletion(sensors.store, sensors.samples.store, clock)
    assert deletion.delete(sensor_id, ORIGIN)
    assert sensors.queries.get_sensor(Visible(organisation_id=ORGANISATION_ID), sensor_id) is None
    assert sensors.samples.reader.segments(sensor_id, START_NS, START_NS + 10**12, None) == []
    sensors.samples.sweep.run()
    assert [path for path in (tmp_path / "samples").rglob("*") if path.is_file()] == []
    assert not deletion.delete(sensor_id, ORIGIN)
    with sensors.database.reading() as tx:
        assert offered(tx) == 1000
    again = sensors.importer.store(recorded(), ORGANISATION_ID, ORIGIN)
    assert (again.sensor_ids, again.accounts[sensor_id].new) == ((sensor_id,), 1000)


def recorded() -> ReadResult:
    samples = np.arange(1000, dtype=np.int32)
    segment = Timed(axis="00.BHZ", start_ns=START_NS, rate_hz=50.0, samples=samples, source="made up")
    recording = Recording(
        network="XX",
        station="AAA",
        name=None,
        latitude=None,
        longitude=None,
        elevation_m=None,
        unit="counts",
        segments=(segment,),
    )
    return ReadResult(recordings=(recording,), lines_read=1, rejected=())
