"""The sweep deletes what nobody names after its time, and nothing else."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from services.sensors import tables
from services.sensors.store.sealing.sweep import KEPT_SECONDS
from shared.runtime.clock import ManualClock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from tests.examples import LEAPS
from tests.integration.sensors.store.stored_samples import StoredSamples, records


def test_files_that_the_index_never_named_go_when_they_are_old(stored: StoredSamples, clock: ManualClock) -> None:
    now = clock.now().timestamp()
    for name, age in (
        ("org_x/2026/XX/014/BNZ.D/old", KEPT_SECONDS + 1),
        ("org_x/2026/XX/014/BNZ.D/young", KEPT_SECONDS - 1),
    ):
        stored.archive.write(name, b"content")
        os.utime(stored.archive.folder / name, (now - age, now - age))
    unfinished = stored.archive.folder / "incoming" / "cut"
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (now - 8000, now - 8000))
    assert stored.verification.run().unnamed == (
        "incoming/cut",
        "org_x/2026/XX/014/BNZ.D/old",
        "org_x/2026/XX/014/BNZ.D/young",
    )
    assert stored.sweep.delete_orphans() == 2
    assert [name for name, _ in stored.archive.names()] == ["org_x/2026/XX/014/BNZ.D/young"]


@pytest.mark.parametrize("leap", LEAPS)
def test_a_file_that_was_superseded_while_the_clock_was_wrong_stays_for_reads_and_then_goes(
    database: Database, tmp_path: Path, clock: ManualClock, leap: timedelta
) -> None:
    watch = ClockWatch("sensors", database, tables.clock_reading, clock)
    stored = StoredSamples(database, tmp_path / "samples", watch.clock)
    stored.register()
    stored.add(*records(range(100)))
    clock.advance(300)
    watch.tick()
    assert stored.sealer().run() == 1
    clock.set_by(leap)
    stored.add(*records(range(100, 200)))
    clock.advance(300)
    sealed = stored.sealer().run()  # or once it is right: by a clock that is days behind the hour is not over
    assert stored.sweep.delete_superseded() == 0
    clock.set_by(-leap)
    clock.advance(300)
    watch.tick()
    assert sealed + stored.sealer().run() == 1
    assert stored.sweep.delete_superseded() == 0
    assert stored.samples() == list(range(6400))
    clock.advance(KEPT_SECONDS + TOLERANCE_SECONDS)
    watch.tick()
    assert stored.sweep.delete_superseded() == 1


def test_a_named_file_stays_however_old(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    (name, _), *_ = stored.archive.names()
    os.utime(stored.archive.folder / name, (0, 0))
    stored.sweep.run()
    assert stored.samples() == list(range(3200))
