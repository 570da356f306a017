"""SIGKILL between any two steps: each sample is served once, the files verify, and what is left over is swept up."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime.clock import ManualClock
from tests.examples import NOON
from tests.integration.sensors.store.sealing import killed
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


def end(stored: StoredSamples, tmp_path: Path, clock: ManualClock, step: str, *more: str) -> None:
    seconds = str((clock.now() - NOON).total_seconds())
    command = [sys.executable, "-m", killed.__name__, str(tmp_path / "service.db"), str(stored.archive.folder)]
    ended = subprocess.run([*command, seconds, step, *more], check=False)
    assert ended.returncode == -signal.SIGKILL


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
    end(stored, tmp_path, clock, step, str(EARLIER_NS))
    settled(stored, clock, list(range(64_000)))
    assert len(stored.samples(START_NS - HOUR_NS, START_NS)) == 37_500


@pytest.mark.parametrize("step", ["added", "retimed", "forgotten"])
def test_before_the_commit_of_an_arrival_of_new_times_or_of_a_deletion(
    stored: StoredSamples, tmp_path: Path, clock: ManualClock, step: str
) -> None:
    stored.add(*records(range(250)))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(250, 500)))
    before = [one.start_ns for one in stored.reader.segments(SENSOR_ID, 0, 2**62, "BNZ")]
    end(stored, tmp_path, clock, step)
    assert stored.samples() == list(range(16_000))
    assert [one.start_ns for one in stored.reader.segments(SENSOR_ID, 0, 2**62, "BNZ")] == before
    stored.add(*records(range(500, 600)))
    settled(stored, clock, list(range(19_200)))


def test_while_the_files_of_a_deleted_sensor_are_deleted(
    stored: StoredSamples, tmp_path: Path, clock: ManualClock
) -> None:
    stored.add(*stretch(0, 5000))
    clock.advance(300)
    stored.sealer().run()
    with stored.database.transaction() as tx:
        stored.store.forget(tx, SENSOR_ID)
    end(stored, tmp_path, clock, "deleted")
    assert stored.samples() == []
    stored.sweep.run()
    assert [file for file in stored.archive.folder.rglob("*") if file.is_file()] == []
    verified = stored.verification.run()
    assert (verified.rows, verified.faults, verified.unnamed) == (0, (), ())


def test_while_superseded_files_are_deleted(stored: StoredSamples, tmp_path: Path, clock: ManualClock) -> None:
    for first in range(0, 300, 100):
        stored.add(*records(range(first, first + 100)))
        clock.advance(300)
        stored.sealer().run()
    clock.advance(3600)
    end(stored, tmp_path, clock, "deleted")
    settled(stored, clock, list(range(9600)))
