"""Pieces: times of the device and true ones stay apart, and parts keep both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sensors.store.piece import PIECE_SAMPLES_MAX, PIECE_SECONDS_MAX, Piece, Samples, by_time

START_NS = 1_518_824_379_000_000_000


def piece(samples: Samples, *, rate_hz: float = 31.25, drift: float = 1e-4) -> Piece:
    """Whose device's clock is an hour ahead, and slow."""
    length_ns = round((samples.size - 1) / rate_hz * 1e9)
    device_ns = START_NS + 3600 * 10**9
    return Piece(
        axis="x",
        era=1,
        device_ns=device_ns,
        device_end_ns=device_ns + round(length_ns * (1 - drift)),
        start_ns=START_NS,
        rate_hz=rate_hz,
        samples=samples,
    )


@settings(deadline=None)
@given(st.integers(1, 60_000), st.sampled_from([0.001, 1.0, 31.25, 250.0]))
def test_the_parts_within_limits_hold_each_sample_once_at_the_same_two_times(count: int, rate_hz: float) -> None:
    whole = piece(np.arange(count, dtype=np.int32), rate_hz=rate_hz)
    first = 0
    for part in whole.within_limits():
        assert part.count <= PIECE_SAMPLES_MAX
        assert part.end_ns - part.start_ns <= PIECE_SECONDS_MAX * 10**9
        assert part.samples[0] == first
        assert abs(part.start_ns - whole.time_ns(first)) <= 1
        assert part.device_ns == whole.device_time_ns(first)
        first += part.count
    assert first == count


@given(st.integers(1, 500), st.lists(st.integers(-(10**9), 20 * 10**9), max_size=4))
def test_a_piece_is_cut_by_its_devices_clock_at_the_first_samples_that_are_not_before(
    count: int, since_ns: list[int]
) -> None:
    whole = piece(np.arange(count, dtype=np.int32))
    edges = sorted(whole.device_ns + one for one in since_ns)
    parts = whole.cut_by_device(edges)
    assert [int(value) for part in parts for value in part.samples] == list(range(count))
    times_ns = [whole.device_time_ns(index) for index in range(count)]
    firsts = {next((index for index, at_ns in enumerate(times_ns) if at_ns >= edge), count) for edge in edges}
    assert {int(part.samples[0]) for part in parts} == (firsts | {0}) - {count}


@pytest.mark.parametrize(
    "samples", [np.array([], dtype=np.int32), np.zeros(2, dtype=np.int64), np.zeros((2, 2), np.int32)]
)
def test_only_vectors_of_types_that_can_be_stored_are_pieces(samples: Samples) -> None:
    with pytest.raises(ValueError, match="samples"):
        by_time("x", START_NS, 31.25, samples)
