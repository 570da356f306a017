"""Recordings older than their organisation keeps them go, rows and files alike; others stay."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.sensors import tables
from services.sensors.store.sealing import retention as module
from services.sensors.store.sealing.retention import Retention
from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from tests.examples import LEAPS, NOON, ORGANISATION_ID
from tests.integration.sensors.store.stored_samples import StoredSamples, counting
from tests.killed import Steps, at_each_step

_DAY = 24 * 112_500  # samples


def test_whole_hours_go_when_they_are_older_than_said(stored: StoredSamples, clock: ManualClock) -> None:
    retention = Retention(stored.database, clock)
    stored.add(counting(0, 100), counting(_DAY, 100), counting(2 * _DAY, 100))
    clock.advance(2 * 86_400 + 3600)
    stored.sealer().run()
    stored.add(counting(1000, 100), counting(2 * _DAY + 1000, 100))
    retention.keep("org_another", 1)
    assert (retention.run(), len(stored.samples(end_ns=2**62))) == (0, 500)
    retention.keep(ORGANISATION_ID, 2)
    assert retention.kept_days(ORGANISATION_ID) == 2
    assert retention.run() == 2
    kept = [*range(_DAY, _DAY + 100), *range(2 * _DAY, 2 * _DAY + 100), *range(2 * _DAY + 1000, 2 * _DAY + 1100)]
    assert stored.samples(end_ns=2**62) == kept
    stored.sweep.run()
    verified = stored.verification.run()
    assert (verified.files, verified.faults, verified.unnamed) == (2, (), ())
    retention.keep(ORGANISATION_ID, None)
    clock.advance(10**9)
    assert retention.run() == 0


@pytest.mark.parametrize("leap", LEAPS)
def test_a_clock_that_is_set_deletes_no_recordings(
    database: Database, tmp_path: Path, clock: ManualClock, leap: timedelta
) -> None:
    watch = ClockWatch("sensors", database, tables.clock_reading, clock)
    stored, retention = StoredSamples(database, tmp_path / "samples", watch.clock), Retention(database, watch.clock)
    stored.register()
    retention.keep(ORGANISATION_ID, 1)
    stored.add(counting(0, 100))
    watch.tick()
    for by in (leap, -leap):
        clock.set_by(by)
        assert retention.run() == 0
        stored.sweep.run()
        watch.tick()
    assert stored.samples() == list(range(100))


def test_killed_at_any_step_what_is_left_can_be_read_also_if_it_is_kept_for_ever_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEP_SPANS", 2)  # several transactions, and a file has more spans
    folder, copies = tmp_path / "before", tmp_path / "copies"
    folder.mkdir()
    copies.mkdir()
    clock = ManualClock(NOON)
    stored = opened(folder, clock)
    stored.register()
    stored.add(*(counting(300 * era, 100, era=era) for era in range(5)), counting(_DAY, 100))
    clock.advance(86_400 + 3600)
    stored.sealer().run()
    stored.add(*(counting(first, 100) for first in range(2000, 3500, 300)), counting(_DAY + 1000, 100))
    before, kept = stored.samples(end_ns=2**62), [*range(_DAY, _DAY + 100), *range(_DAY + 1000, _DAY + 1100)]
    Retention(stored.database, clock).keep(ORGANISATION_ID, 1)
    stored.database.close()

    def run(one: Path, _steps: Steps) -> None:
        there = opened(one, clock)
        Retention(there.database, clock).run()
        there.sweep.run()

    *ended, done = at_each_step(folder, copies, run)
    assert len(ended) > 8
    for one in (*ended, done):
        then = ManualClock(clock.now())
        there = opened(one, then)
        retention = Retention(there.database, then)
        retention.keep(ORGANISATION_ID, None)
        for _ in range(2):
            there.sweep.run()
            assert there.verification.run().faults == ()
            then.advance(3600 + 300)
            there.sealer().run()
        left = there.samples(end_ns=2**62)
        verified = there.verification.run()
        assert (verified.rows, verified.faults) == (0, ())
        assert left == sorted(set(left))
        assert set(kept) <= set(left) <= set(before)
        retention.keep(ORGANISATION_ID, 1)
        retention.run()
        there.sweep.run()
        assert there.samples(end_ns=2**62) == kept
        assert there.verification.run().unnamed == ()
        there.database.close()


def opened(folder: Path, clock: ManualClock) -> StoredSamples:
    return StoredSamples(Database.sqlite(folder / "service.db"), folder / "samples", clock)
