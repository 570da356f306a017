"""What an era states of its times holds, however short it is, and is little where it is long."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sensors.timing.hull import PIECE_NS, Piece, pieces_of
from services.sensors.timing.line import Line, line
from tests.device_simulator import Device, Sent, outages, simulate

LINE_PIECES = 64
SHORT, SHORTER, LONG = (0.1, 0.2, 0.35, 0.7, 1.5), (0.005, 0.01, 0.02, 0.05, 0.1), (2.05, 2.3, 2.6)
"""Hours, of which forty active pieces are 0.7."""
LONGER = (2.1, 3, 4.5)


def device(seed: int, hours: Sequence[float]) -> Device:
    draw = random.Random(seed)
    jitter, length = draw.choice((0.05, 0.3, 1.0, 2.0)), draw.choice(hours)
    ppm = draw.uniform(-100, 100)
    return Device(seed=seed, hours=length, jitter=jitter, ppm=ppm, wander_ppm=3, outages=outages(draw, length, 2))


def pieces(sent: Sequence[Sent]) -> dict[int, Piece]:
    return pieces_of((one.record.device_ns, one.record.cloud_ns, one.record.count) for one in sent)


def drawn(of: dict[int, Piece], block: int) -> Line:
    return line(of, block * LINE_PIECES, (block + 1) * LINE_PIECES - 1)


# The same lives in each run, for a few state more than 16 ms (issue 21): of 300 fresh ones 809071, 16.1; and 668, 38.8.
@settings(max_examples=20, derandomize=True)
@given(seed=st.integers(0, 10**6), hours=st.sampled_from([SHORT, SHORTER, LONG]))
# Off by 133 and by 23 ms, and stated too little: the ends of some minutes.
@example(seed=109, hours=SHORT)
@example(seed=81, hours=SHORT)
# A backlog at the end of an hour and a half, to which a line of two messages shortly after another was drawn on.
@example(seed=757, hours=SHORT)
@example(seed=680, hours=SHORT)
@example(seed=490, hours=SHORT)
# Its first minutes, before an outage, and its last ones.
@example(seed=743, hours=SHORT)
@example(seed=643, hours=SHORT)
# The middle of more than two hours: told as if a curve were held down by all messages, not by those near.
@example(seed=20124, hours=LONG)
# Its last minutes stated 16.2 ms.
@example(seed=10075, hours=LONGER)
# Off by 1.2 s: half a minute, of which most came in one burst, counted as if each message had come by itself.
@example(seed=50243, hours=SHORTER)
def test_each_time_is_within_what_its_era_states(seed: int, hours: Sequence[float]) -> None:
    simulation = simulate(device(seed, hours))
    of = pieces(simulation.sent)
    least_ns = round(simulation.device.least_delay * 1e9)
    for block in {number // LINE_PIECES for number in of}:
        truth = [
            (one.record.device_ns, one.true_ns + least_ns)
            for one in simulation.sent
            if one.record.device_ns // (PIECE_NS * LINE_PIECES) == block
        ]
        device_ns, true_ns = np.array(truth, dtype=np.int64).T
        found = drawn(of, block)
        assert np.abs(found.true_ns(device_ns) - true_ns).max() <= found.uncertainty_ns
        assert simulation.device.hours <= 2 or found.uncertainty_ns <= 16_000_000


def test_of_a_few_messages_more_is_stated_than_of_many_and_at_the_ends_most() -> None:
    sent = simulate(Device(seed=4, hours=0.6, jitter=0.3)).sent
    block = sent[0].record.device_ns // (PIECE_NS * LINE_PIECES)
    stated = [drawn(pieces(sent[:count]), block).uncertainty_ns for count in (20, 200, 2000)]
    assert stated == sorted(stated, reverse=True)
    assert stated[0] > 10 * stated[2]


@pytest.mark.parametrize("seed", [10053, 10004])
def test_the_last_minutes_of_a_long_era_state_no_more_than_the_others(seed: int) -> None:
    """Though a block begins with them: how late their least messages were was told by these alone."""
    life = device(seed, LONGER)
    of = pieces(simulate(life).sent)
    last = max(of) // LINE_PIECES
    assert life.hours > 2
    assert sum(number // LINE_PIECES == last for number in of) < 5
    assert drawn(of, last).uncertainty_ns <= 16_000_000
