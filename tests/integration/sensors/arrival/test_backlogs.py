"""A device's clock is set while it is cut off: its backlog holds records of both settings, and every sample is kept."""

import random
from pathlib import Path

import pytest

from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts
from tests.device_simulator import Device, simulate
from tests.integration.sensors.arrival.scene import SENSOR_ID, scene


@pytest.mark.parametrize("order", ["file", "live", "shuffled"])
@pytest.mark.parametrize("step", [-130.0, -37.0])
def test_a_clock_that_is_set_back_within_an_outage_loses_no_sample(tmp_path: Path, step: float, order: str) -> None:
    device = Device(
        seed=7, hours=0.4, samples=160, jitter=0.1, outages=[(500.0, 900.0)], settings=[(700.0, step)], missing=0.01
    )
    simulation = simulate(device)
    records = [one.record for one in simulation.sent]
    if order == "shuffled":
        random.Random(7).shuffle(records)
    here = scene(tmp_path)
    here.take(records, parts={"file": 1, "live": 20, "shuffled": 3}[order])
    with here.database.reading() as tx:
        account = accounts.of_sensor(tx, SENSOR_ID)
    assert account == Account(new=len(records) * 160 * 3, reasons={"": 0})
    truth = sorted((one.true_ns, one.record.values[0, -1]) for one in simulation.sent)
    times, values = here.times_and_values()
    served = dict(zip(values, times, strict=True))
    off_ns = [abs(served[int(last)] - true_ns) for true_ns, last in truth]
    assert max(off_ns) < 1_000_000_000
