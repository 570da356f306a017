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
from services.sensors.store.miniseed.archive import Archive
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.killed import Steps, at_each_step, content
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


def test_killed_at_any_step_a_deleted_sensor_is_there_whole_or_gone_and_nothing_is_left_over(
    clock: ManualClock, tmp_path: Path
) -> None:
    folder, copies = tmp_path / "before", tmp_path / "copies"
    folder.mkdir()
    copies.mkdir()
    here = opened(folder, clock)
    (sensor_id,) = here.importer.store(recorded(), ORGANISATION_ID, ORIGIN).sensor_ids
    here.samples.sealer.run(settled=False)
    here.importer.store(recorded(first=1000), ORGANISATION_ID, ORIGIN)  # rows beside files
    here.database.close()
    unchanged = content(folder / "sensors.db")

    def delete(of: Path, steps: Steps) -> None:
        remove = Archive.delete

        def removed(self: Archive, relative: str) -> None:
            remove(self, relative)
            steps.passed()

        Archive.delete = removed  # type: ignore[method-assign]  # in this process alone
        there = opened(of, clock)
        SensorDeletion(there.store, there.samples.store, clock).delete(sensor_id, ORIGIN)
        there.samples.sweep.run()

    *ended, done = at_each_step(folder, copies, delete)
    as_before = [content(one / "sensors.db") == unchanged for one in ended]
    assert (as_before[0], as_before[-1]) == (True, False)
    assert as_before == sorted(as_before, reverse=True)
    for one, is_there in zip((*ended, done), (*as_before, False), strict=True):
        there = opened(one, clock)
        assert there.samples.verification.run().faults == ()
        segments = there.samples.reader.segments(sensor_id, START_NS, START_NS + 10**12, None)
        assert [value for segment in segments for value in segment.samples] == list(range(2000 * is_there))
        assert SensorDeletion(there.store, there.samples.store, clock).delete(sensor_id, ORIGIN) == is_there
        there.samples.sweep.run()
        verified = there.samples.verification.run()
        assert (verified.files, verified.rows, verified.faults, verified.unnamed) == (0, 0, (), ())
        assert not any(path.is_file() for path in (one / "samples").rglob("*"))
        with there.database.reading() as tx:
            assert offered(tx) == 2000
        there.database.close()


def opened(folder: Path, clock: ManualClock) -> Sensors:
    database = migrated(Database.sqlite(folder / "sensors.db"), assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, folder / "samples")


def recorded(first: int = 0) -> ReadResult:
    samples = np.arange(first, first + 1000, dtype=np.int32)
    start_ns = START_NS + first * 20_000_000
    segment = Timed(axis="00.BHZ", start_ns=start_ns, rate_hz=50.0, samples=samples, source="made up")
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
