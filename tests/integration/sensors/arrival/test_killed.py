"""SIGKILL between any two steps of an arrival: nothing of it is there, and taken again all of it, once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts, held_records
from services.sensors.arrival.record import Record
from shared.runtime.clock import ManualClock
from tests.examples import NOON
from tests.integration.sensors.arrival.scene import DATABASE, SENSOR_ID, Scene, opened, record, scene
from tests.killed import Steps, at_each_step, content

BEGIN = 64.0 * 26_562_500 + 5
STEADY = [record(BEGIN + n, BEGIN + n + 0.9, range(32 * n, 32 * n + 32)) for n in range(50)]
SET_BACK = [record(BEGIN + n - 3600, BEGIN + n + 0.9, range(32 * n, 32 * n + 32)) for n in range(50, 60)]
LATE = [record(BEGIN + 60, BEGIN + 69.9, range(1920, 1952))]
SEALED, ROW = 0, 40 * 32  # samples
OTHER = replace(STEADY[5], values=-STEADY[5].values - 7, source="another")


def held(here: Scene) -> list[Record]:
    with here.database.reading() as tx:
        return [one.record for one in held_records.of_sensors(tx, [SENSOR_ID])[SENSOR_ID]]


def account(here: Scene) -> Account:
    with here.database.reading() as tx:
        return accounts.of_sensor(tx, SENSOR_ID)


def seal(here: Scene) -> None:
    while here.samples.sealer.run(settled=False):
        pass


def killed(tmp_path: Path, of: Sequence[Record]) -> tuple[Scene, Scene]:
    """Before those records are taken, and after: killed at each step, it is as before, and taken again, as after.

    Of the steady ones forty are sealed, ten are rows; others are held.
    """
    before, copies = tmp_path / "before", tmp_path / "copies"
    before.mkdir()
    copies.mkdir()
    here = scene(before, ManualClock(NOON))
    here.arrival.take(SENSOR_ID, STEADY[:40])
    seal(here)
    here.arrival.take(SENSOR_ID, [*STEADY[40:], *LATE, *SET_BACK[:3]])
    here.database.close()
    unchanged = content(before / DATABASE)

    def take(folder: Path, _steps: Steps | None = None) -> Scene:
        there = opened(folder, ManualClock(NOON))
        there.arrival.take(SENSOR_ID, of)
        return there

    *ended, done = at_each_step(before, copies, take)
    whole = content(done / DATABASE)
    assert len(ended) > 5
    for folder in ended:
        assert content(folder / DATABASE) == unchanged
        take(folder).database.close()
        assert content(folder / DATABASE) == whole
    return opened(before, ManualClock(NOON)), opened(done, ManualClock(NOON))


def test_what_is_new_repeated_differing_or_was_held_is_all_there_or_nothing_of_it(tmp_path: Path) -> None:
    before, after = killed(tmp_path, [*SET_BACK[3:], *STEADY[7:9], OTHER])
    assert (len(held(before)), account(before)) == (4, Account(new=50 * 96, reasons={"": 0}))
    taken = Account(new=60 * 96, repeated=2 * 96, differing=96, reasons={"": 0})
    assert (len(held(after)), account(after)) == (1, taken)
    for here in (before, after):
        assert here.samples.verification.run().faults == ()
    after.arrival.decide(SENSOR_ID)
    seal(after)
    assert Counter(after.times_and_values()[1]) == Counter(range(61 * 32))
    assert after.samples.verification.run().faults == ()


def test_samples_that_a_sooner_message_moves_have_all_moved_or_none(tmp_path: Path) -> None:
    """Rows at once, and what is sealed when it is sealed anew."""
    sooner = record(BEGIN + 61, BEGIN + 61.2, range(1952, 1984))
    before, after = killed(tmp_path, [sooner])
    assert moved_ns(before, after, SEALED) == 0
    assert moved_ns(before, after, ROW) == pytest.approx(700_000_000, abs=5_000_000)
    seal(after)
    assert moved_ns(before, after, SEALED) == pytest.approx(700_000_000, abs=5_000_000)
    assert after.samples.verification.run().faults == ()
    assert Counter(after.times_and_values()[1]) == Counter([*range(50 * 32), *range(1952, 1984)])


def moved_ns(before: Scene, after: Scene, value: int) -> int:
    """How much sooner the sample lies after."""
    was_ns, is_ns = (times[values.index(value)] for times, values in map(Scene.times_and_values, (before, after)))
    return was_ns - is_ns
