"""Two imperfect clocks, and what is made of them."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sensors.ingest.packet_clock import Packet, Stretch, stretches

START = 1_518_824_100.0  # of the first sample, in truth
RATE_HZ = 30.0468  # in truth; the packets state 31.25
LENGTH = 32


def packets(
    count: int,
    *,
    device_offset: float = 0.0,
    device_drift: float = 0.0,
    jitter: float = 0.05,
    without: range = range(0),
    device_known: bool = True,
) -> list[Packet]:
    """As a device sends them; sample values tell their index."""
    draw = random.Random(7)
    sent = []
    for number in range(count):
        index = np.arange(LENGTH * number, LENGTH * (number + 1), dtype=np.int32)
        truth = START + float(index[-1]) / RATE_HZ
        device_t = round(truth + device_offset + device_drift * (truth - START), 3)
        cloud_t = round(truth + abs(draw.gauss(0, jitter)), 3)
        if number not in without:
            known = device_t if device_known else None
            sent.append(Packet(device_t=known, cloud_t=cloud_t, sample_rate_hz=31.25, samples=np.stack([index] * 3)))
    return sent


def error_seconds(stretch: Stretch) -> float:
    """The worst, over all samples, of what the stretch states against the truth."""
    index = stretch.samples[0]
    stated = stretch.start_ns / 1e9 + np.arange(index.size) / stretch.sample_rate_hz
    return float(np.abs(stated - (START + index / RATE_HZ)).max())


def facts(found: list[Stretch]) -> list[tuple[int, float, bytes]]:
    return [(one.start_ns, one.sample_rate_hz, one.samples.tobytes()) for one in found]


def test_five_minutes_are_one_stretch_at_the_true_rate_though_the_stated_one_is_wrong() -> None:
    (stretch,) = stretches(packets(282))
    assert stretch.samples.shape == (3, 282 * LENGTH)
    assert stretch.sample_rate_hz == pytest.approx(RATE_HZ, rel=1e-4)
    assert error_seconds(stretch) < 0.06


@pytest.mark.parametrize("drift", [0.0, 5e-4])
def test_a_device_clock_half_an_hour_wrong_and_slewed_does_not_move_the_samples(drift: float) -> None:
    (stretch,) = stretches(packets(282, device_offset=-1816.4, device_drift=drift))
    assert error_seconds(stretch) < 0.06


@pytest.mark.parametrize("offset", [-1816.4, 100.0])
def test_a_device_clock_set_in_between_splits_the_samples_but_moves_none(offset: float) -> None:
    wrong, right = packets(282, device_offset=offset)[:140], packets(282)[140:]
    found = list(stretches(wrong + right))
    assert [one.samples.shape[1] for one in found] == [140 * LENGTH, 142 * LENGTH]
    assert max(map(error_seconds, found)) < 0.06


def test_a_missing_packet_is_a_gap_and_a_short_stretch_borrows_rate_and_delay() -> None:
    found = list(stretches(packets(282, without=range(3, 5))))
    assert [one.samples.shape[1] for one in found] == [3 * LENGTH, 277 * LENGTH]
    assert found[0].sample_rate_hz == found[1].sample_rate_hz
    assert max(map(error_seconds, found)) < 0.06


@pytest.mark.parametrize("first_late", [230, 170])
def test_late_delivery_of_up_to_four_packets_in_ten_does_not_move_the_samples(first_late: int) -> None:
    sent = packets(282)
    late = [
        Packet(device_t=one.device_t, cloud_t=(one.cloud_t or 0) + 8, sample_rate_hz=31.25, samples=one.samples)
        for one in sent[first_late:]
    ]
    (stretch,) = stretches(sent[:first_late] + late)
    assert error_seconds(stretch) < 0.1


def test_without_a_device_clock_arrival_times_serve_and_a_missing_packet_still_shows() -> None:
    sent = packets(282, device_known=False, without=range(100, 103))
    found = list(stretches(sent))
    assert [one.samples.shape[1] for one in found] == [100 * LENGTH, 179 * LENGTH]
    assert max(map(error_seconds, found)) < 0.1


def test_a_device_clock_that_stands_still_gives_the_stated_rate_and_no_error() -> None:
    stuck = [
        Packet(device_t=START, cloud_t=one.cloud_t, sample_rate_hz=31.25, samples=one.samples) for one in packets(4)
    ]
    assert {one.sample_rate_hz for one in stretches(stuck)} == {31.25}


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_of_packets_do_not_matter(draw: random.Random) -> None:
    sent = packets(40, without=range(20, 22))
    again = [
        Packet(device_t=one.device_t, cloud_t=(one.cloud_t or 0) + 0.3, sample_rate_hz=31.25, samples=one.samples)
        for one in draw.sample(sent, 5)
    ]
    shuffled = sent + again
    draw.shuffle(shuffled)
    assert facts(list(stretches(shuffled))) == facts(list(stretches(sent)))
