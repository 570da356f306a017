"""The last minute as columns: extremes are exact, a gap stays a gap, and no column is narrower than a sample."""

import numpy as np

from services.sensors.overview.minute import COLUMNS_MAX, SECONDS, minute
from services.sensors.store.even_times import NS
from services.sensors.store.waveform import Segment

END_NS = 1_579_862_700 * NS


def segment(since_seconds: float, samples: list[int], rate_hz: float) -> Segment:
    return Segment(
        channel="BHZ",
        location_code="00",
        start_ns=END_NS - round(since_seconds * NS),
        sample_rate_hz=rate_hz,
        samples=np.array(samples, dtype=np.int32),
    )


def test_each_column_has_its_lowest_and_its_highest_sample() -> None:
    samples = [-number if number % 2 else number for number in range(SECONDS * 100)]
    made = minute([segment(SECONDS, samples, 100.0)], END_NS)
    assert made is not None
    assert len(made.lows) == COLUMNS_MAX
    assert (made.lows[0], made.highs[0]) == (-49, 48)
    assert (made.lows[-1], made.highs[-1]) == (-5999, 5998)


def test_a_gap_is_a_gap() -> None:
    made = minute([segment(60, [1] * 20, 1.0), segment(20, [2] * 20, 1.0)], END_NS)
    assert made is not None
    assert made.lows == [1.0] * 20 + [None] * 20 + [2.0] * 20


def test_a_slow_channel_has_a_column_for_each_sample() -> None:
    made = minute([segment(50, [1, 2, 3], 0.05)], END_NS)
    assert made is not None
    assert made.highs == [1.0, 2.0, 3.0]


def test_of_nothing_there_is_no_picture() -> None:
    assert minute([], END_NS) is None
