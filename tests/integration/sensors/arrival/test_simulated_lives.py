"""Lives of devices whose truth is known, through arrival, store and sealing: exact accounts, and true times.

What the ends of some eras state of their times is not always enough: docs/guarantees.md tells how often.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.sensors import tables
from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts
from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.record import Record
from services.sensors.store.waveform import Segment
from tests.device_simulator import Device, Simulation, outages, simulate
from tests.integration.sensors.arrival.scene import SENSOR_ID, Scene, scene

STAMP_NS = 1_000_000
"""Devices stamp whole milliseconds: where their runs begin may differ by one."""


def device(seed: int, jitter: float, step: float) -> Device:
    draw = random.Random(seed)
    return Device(
        seed=seed,
        hours=0.7,
        jitter=jitter,
        ppm=draw.uniform(-100, 100),
        wander_ppm=3,
        outages=outages(draw, 0.7, 3),
        settings=[(draw.uniform(1000, 1500), step)],
        repeated=0.03,
        missing=0.01,
    )


def sealed(folder: Path, records: Sequence[Record], parts: int) -> Scene:
    folder.mkdir()
    here = scene(folder)
    here.take(records, parts=parts)
    while here.samples.sealer.run(settled=False):
        pass
    verified = here.samples.verification.run()
    assert (verified.rows, verified.faults) == (0, ())
    return here


def stated(here: Scene) -> list[tuple[int, int, int]]:
    """Of each era: when its first and its last sample are, and how far their times may be off."""
    table = tables.span
    ranges = select(table.c.era, func.min(table.c.start_ns), func.max(table.c.end_ns)).group_by(table.c.era)
    with here.database.reading() as tx:
        uncertainty_ns = ClockRows(tx, SENSOR_ID).uncertainty_ns()
        return [(first, last, uncertainty_ns[era]) for era, first, last in tx.execute(ranges)]


def check_times(here: Scene, simulation: Simulation) -> None:
    """Of each message's last sample, whose true time is known: to what its era states, beyond the least delay."""
    eras, least_ns = stated(here), round(simulation.device.least_delay * 1e9)
    assert len(eras) == 2
    truth = {int(one.record.values[0][-1]): one.true_ns + least_ns for one in simulation.distinct.values()}
    served = {value: at_ns for at_ns, value in zip(*here.times_and_values(), strict=True) if value in truth}
    assert served.keys() == truth.keys()
    for value, at_ns in served.items():
        (uncertainty_ns,) = (ns for first, last, ns in eras if first - STAMP_NS <= at_ns <= last + STAMP_NS)
        assert abs(at_ns - truth[value]) <= uncertainty_ns


def check_same(segments: Sequence[Segment], others: Sequence[Segment]) -> None:
    """A run that came before its rate was known may be dated by another stamp of it: both are rounded."""
    assert [(one.sample_rate_hz, one.samples.tolist()) for one in segments] == [
        (one.sample_rate_hz, one.samples.tolist()) for one in others
    ]
    for one, other in zip(segments, others, strict=True):
        assert abs(one.start_ns - other.start_ns) <= 2 * STAMP_NS


@pytest.mark.parametrize(
    ("seed", "jitter", "step"), [(1, 0.05, 3600.0), (2, 0.3, -3600.0), (3, 2.0, 3600.0), (5, 1.0, -3600.0)]
)
def test_a_life_is_exact_and_true_and_the_same_from_a_file_shuffled_and_live(
    tmp_path: Path, seed: int, jitter: float, step: float
) -> None:
    simulation = simulate(device(seed, jitter, step))
    records = [one.record for one in simulation.sent]
    shuffled = list(records)
    random.Random(seed).shuffle(shuffled)
    new = len(simulation.distinct) * 96
    found, doubts = [], []
    ways = (("file", records, 1), ("shuffled", shuffled, 1), ("live", records, 100), ("both", shuffled, 100))
    for name, some, parts in ways:
        here = sealed(tmp_path / name, some, parts)
        with here.database.reading() as tx:
            account = accounts.of_sensor(tx, SENSOR_ID)
        assert account == Account(new=new, repeated=len(records) * 96 - new, reasons={"": 0})
        check_times(here, simulation)
        doubts.append([uncertainty_ns for *_, uncertainty_ns in stated(here)])
        found.append(here.segments())
    for segments in found[1:]:
        check_same(segments, found[0])
    # What was stated of the first messages is not left standing, though they were timed well enough.
    assert max(doubts[2]) < 1.2 * max(doubts[0])


@pytest.mark.parametrize("device_hz", [30.05, 32.4])
def test_a_life_is_the_same_in_any_order_though_the_stated_rate_is_wrong(tmp_path: Path, device_hz: float) -> None:
    """By four in a hundred, as it is of all devices of 2018. No sample is taken for one of the record after it."""
    simulation = simulate(Device(seed=1, hours=0.15, device_hz=device_hz, repeated=0.03, missing=0.01))
    records = [one.record for one in simulation.sent]
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    new = len(simulation.distinct) * 96
    found = []
    for name, some, parts in (("file", records, 1), ("live", records, 100), ("shuffled", shuffled, 200)):
        here = sealed(tmp_path / name, some, parts)
        with here.database.reading() as tx:
            assert accounts.of_sensor(tx, SENSOR_ID).new == new
        found.append(here.segments())
    for segments in found[1:]:
        check_same(segments, found[0])
