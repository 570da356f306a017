"""Samples that only their time identifies: stored at their true times, and known when they come again."""

from pathlib import Path

import numpy as np
import pytest

from services.sensors.accounting.account import Account
from services.sensors.arrival.time_arrival import TimeArrival, Timed
from services.sensors.store.even_times import NS, time_ns
from services.sensors.store.miniseed.codec import stated_rate
from tests.integration.sensors.arrival.scene import ALL_TIME, SENSOR_ID, scene

BEGIN_NS = 1_700_000_000 * NS


@pytest.mark.parametrize("rate_hz", [1.0000121, 9.99999, 100.00004, 50000.00126])
def test_samples_of_a_rate_that_no_header_states_exactly_have_their_true_times(tmp_path: Path, rate_hz: float) -> None:
    """A stated rate is off by up to 3e-5: over a day of samples that is one sample and more."""
    assert stated_rate(rate_hz) != rate_hz
    here, samples = scene(tmp_path), np.random.default_rng(4).integers(-999, 999, 100_000, dtype=np.int32)
    arrival = TimeArrival(here.database, here.samples.store)
    trace = Timed(axis=".BHZ", start_ns=BEGIN_NS, rate_hz=rate_hz, samples=samples, source="a")
    assert arrival.take(SENSOR_ID, [trace]) == Account(new=100_000)
    assert arrival.take(SENSOR_ID, [trace]) == Account(repeated=100_000)
    (segment,) = here.samples.reader.segments(SENSOR_ID, *ALL_TIME, {"BHZ"})
    with here.database.reading() as tx:
        found = here.samples.store.known(tx, SENSOR_ID, 0, 0, ALL_TIME[1])[".BHZ"]
    assert segment.samples.tolist() == samples.tolist()
    first = 0
    for piece in sorted(found, key=lambda one: one.start_ns):
        for index in (0, piece.count - 1):
            truth_ns = time_ns(BEGIN_NS, rate_hz, first + index)
            assert abs(piece.time_ns(index) - truth_ns) <= 0.25 * NS / rate_hz + 2
        first += piece.count
    assert first == samples.size
