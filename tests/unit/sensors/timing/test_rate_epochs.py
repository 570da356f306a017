"""A rate is held until it is shown to be wrong by half an interval in an hour, and by no chance before."""

import random

import numpy as np
import pytest

from services.sensors.timing.hull import PIECE_NS, Piece, pieces_of
from services.sensors.timing.rate_epochs import WINDOW_PIECES, Epoch, WindowRate, epochs, window_rate
from services.sensors.timing.rates import FIRST_PIECES, rate
from tests.device_simulator import outages

HZ, SAMPLES, LEAST_DELAY = 31.3155, 32, 0.35
HALF_IN_AN_HOUR = 0.5 / HZ / 3600
"""By which ratio a rate is off that displaces the last sample of an hour by half an interval: 4.4 ppm."""


def life(
    seed: int, hours: float, jitter: float, *, crystal: float = 0.0, sampler: float = 0.0, missing: float = 0.0
) -> dict[int, Piece]:
    """Pieces of a device whose crystal, or whose sampler, is off by so much more after three hours."""
    draw, of_device = np.random.default_rng(seed), random.Random(seed)
    even = np.arange(int(hours * 3600 * HZ / SAMPLES)) * SAMPLES / HZ
    clock = even - np.maximum(even - 10_800, 0) * sampler
    true = clock * (1 + of_device.uniform(-1e-4, 1e-4)) + np.maximum(clock - 10_800, 0) * crystal
    came = true + LEAST_DELAY + draw.exponential(jitter, true.size)
    for begin, end in outages(of_device, hours, 2):
        came[(true >= begin) & (true < end)] = end + LEAST_DELAY + draw.exponential(jitter)
    begin = 1_700_000_000 + of_device.uniform(0, 20_000)
    stamps = [np.rint((begin + of) * 1000).astype(np.int64) * 1_000_000 for of in (clock, came)]
    is_there = draw.random(true.size) >= missing
    return pieces_of(
        (at_ns, cloud_ns, SAMPLES) for at_ns, cloud_ns in zip(*(of[is_there].tolist() for of in stamps), strict=True)
    )


def epochs_of(pieces: dict[int, Piece]) -> tuple[float, tuple[Epoch, ...]]:
    """The rate that is held first, and what comes of it; of windows that have forty pieces after them."""
    held, numbers = rate(pieces, HZ), range(min(pieces) // WINDOW_PIECES, (max(pieces) - 40) // WINDOW_PIECES)
    return held.true_hz, epochs(
        min(pieces), held.true_hz, {number: window_rate(pieces, number, held.device_hz) for number in numbers}
    )


@pytest.mark.parametrize("jitter", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_a_crystal_that_stays_as_it_is_begins_no_epoch(jitter: float, missing: float) -> None:
    for seed in range(8):
        assert epochs_of(life(seed, 11, jitter, missing=missing))[1] == ()


@pytest.mark.parametrize(("crystal", "sampler"), [(8e-6, 0.0), (-8e-6, 0.0), (0.0, 8e-6), (0.0, -8e-6)])
def test_a_crystal_or_a_sampler_that_goes_off_begins_one_within_some_hours(crystal: float, sampler: float) -> None:
    for seed in range(6):
        pieces = life(seed, 14, 0.05, crystal=crystal, sampler=sampler)
        held_hz, (epoch,) = epochs_of(pieces)
        assert epoch.true_hz / held_hz - 1 == pytest.approx(sampler - crystal, abs=HALF_IN_AN_HOUR * 0.6)
        since = (epoch.from_ns - min(pieces) * PIECE_NS) / 3.6e12 - 3
        assert -WINDOW_PIECES * 64 / 3600 / 2 < since < WINDOW_PIECES * 64 / 3600


def test_an_epoch_begins_between_two_records_whichever_messages_came_first() -> None:
    pieces = life(3, 14, 0.05, crystal=8e-6)
    _, (epoch,) = epochs_of(pieces)
    first = -(-(epoch.from_ns // PIECE_NS) // WINDOW_PIECES) * WINDOW_PIECES
    assert epoch.from_ns == pieces[first - 1].last.device_ns + round(0.5e9 / rate(pieces, HZ).device_hz)


def window(off: float, doubt: float = 1e-6) -> WindowRate:
    return WindowRate(from_ns=5, true_hz=HZ * (1 + off), doubt=doubt)


def test_a_rate_is_held_until_it_is_off_by_more_than_the_half_and_what_the_measure_may_be_wrong() -> None:
    wrong, right = HALF_IN_AN_HOUR + 1.1e-6, HALF_IN_AN_HOUR + 0.9e-6
    windows = {1: window(right), 2: window(wrong), 3: window(2 * right), 4: window(right), 5: window(-1.0e-6)}
    found = epochs(0, HZ, windows)
    assert [one.true_hz for one in found] == [windows[2].true_hz, windows[5].true_hz]


def test_none_begins_in_the_first_two_hours_of_an_era() -> None:
    windows = {5: window(5e-5)}
    assert len(epochs(5 * WINDOW_PIECES - FIRST_PIECES, HZ, windows)) == 1
    assert epochs(5 * WINDOW_PIECES - FIRST_PIECES + 1, HZ, windows) == ()


def test_a_window_of_which_little_is_there_shows_nothing() -> None:
    pieces = life(1, 0.01, 0.05)
    assert not window_rate(pieces, min(pieces) // WINDOW_PIECES, HZ).shows_wrong(HZ * 1.01)
