"""SIGKILL between any two steps: each sample is served once, the files verify, and what is left over is swept up."""

import os
import signal
from pathlib import Path

import pytest

from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.sealing.sweep import KEPT_SECONDS
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.children import fork, wait
from tests.integration.sensors.store.stored_samples import (
    HOUR_NS,
    SENSOR_ID,
    START_NS,
    Line,
    Lines,
    StoredSamples,
    records,
    stretch,
)

STEPS = ("read", "written", "synced", "named", "swapping", "swapped")
AHEAD_NS = 30 * 60 * 10**9
EARLIER_NS = -AHEAD_NS - 20 * 60 * 10**9
"""By this line the samples lie twenty minutes earlier: some are in the hour before, where there were none."""


def end(stored: StoredSamples, tmp_path: Path, clock: ManualClock, step: str, line: Line | None = None) -> None:
    """Another process seals or sweeps, and is killed at that step.

    Of the sealer; or `deleted`: after the first file that the sweep deletes; or `added`: before the commit of an
    arrival. `line`: by which era 1 is timed.
    """
    stored.database.close()  # SQLite's connections do not survive a fork
    ended = wait(fork(lambda: _die(Database.sqlite(tmp_path / "service.db"), stored.archive.folder, clock, step, line)))
    assert ended == -signal.SIGKILL


def _die(database: Database, folder: Path, clock: ManualClock, step: str, line: Line | None) -> None:
    lines = Lines()
    if line is not None:
        lines.of[1] = line
    stored = StoredSamples(database, folder, clock, lines)
    if step == "deleted":
        delete = Archive.delete

        def delete_and_end(self: Archive, relative: str) -> None:
            delete(self, relative)
            _kill()

        Archive.delete = delete_and_end  # type: ignore[method-assign]  # in this process alone
        stored.sweep.run()
    elif step == "added":
        with stored.database.transaction() as tx:
            stored.store.lock(tx, SENSOR_ID)
            stored.store.add(tx, SENSOR_ID, records(range(500, 600)))
            _kill()
    else:
        stored.sealer(lambda name: _kill() if name == step else None).run()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def settled(stored: StoredSamples, clock: ManualClock, numbers: list[int]) -> None:
    """Whole now, whole after everything that was left is done, and nothing is left over."""
    assert stored.samples() == numbers
    assert stored.verification.run().faults == ()
    for _ in range(4):
        clock.advance(3600 + 300)
        stored.sealer().run()
        assert stored.samples() == numbers
    stored.sweep.delete_superseded()
    verified = stored.verification.run()
    assert (verified.rows, verified.faults) == (0, ())
    clock.advance(10**9)  # files are as old as this machine's clock says
    stored.sweep.delete_orphans()
    assert stored.verification.run().unnamed == ()
    assert stored.samples() == numbers


@pytest.mark.parametrize("step", STEPS)
def test_while_an_hour_is_sealed(stored: StoredSamples, tmp_path: Path, clock: ManualClock, step: str) -> None:
    stored.add(*records(range(200)))
    clock.advance(300)
    end(stored, tmp_path, clock, step)
    settled(stored, clock, list(range(6400)))


@pytest.mark.parametrize("step", STEPS)
def test_while_late_samples_are_merged(stored: StoredSamples, tmp_path: Path, clock: ManualClock, step: str) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(100, 200)))
    clock.advance(300)
    end(stored, tmp_path, clock, step)
    settled(stored, clock, list(range(6400)))


@pytest.mark.parametrize("step", STEPS)
def test_while_a_sealed_hour_is_timed_anew(
    stored: StoredSamples, tmp_path: Path, clock: ManualClock, lines: Lines, step: str
) -> None:
    stored.add(*stretch(0, 2000, ahead_ns=AHEAD_NS))
    clock.advance(300)
    stored.sealer().run()
    timing = lines.of[1] = Line(offset_ns=EARLIER_NS)
    with stored.database.transaction() as tx:
        stored.store.retime(tx, SENSOR_ID, 1, timing)
    clock.advance(300)
    end(stored, tmp_path, clock, step, timing)
    settled(stored, clock, list(range(64_000)))
    assert len(stored.samples(START_NS - HOUR_NS, START_NS)) == 37_500


def test_before_the_commit_of_an_arrival(stored: StoredSamples, tmp_path: Path, clock: ManualClock) -> None:
    stored.add(*records(range(500)))
    end(stored, tmp_path, clock, "added")
    assert stored.samples() == list(range(16_000))
    stored.add(*records(range(500, 600)))
    settled(stored, clock, list(range(19_200)))


def test_while_superseded_files_are_deleted(stored: StoredSamples, tmp_path: Path, clock: ManualClock) -> None:
    for first in range(0, 300, 100):
        stored.add(*records(range(first, first + 100)))
        clock.advance(300)
        stored.sealer().run()
    clock.advance(KEPT_SECONDS)
    end(stored, tmp_path, clock, "deleted")
    settled(stored, clock, list(range(9600)))
