"""Records laid one after the other: runs that begin before they end, and the same records again add nothing."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sensors.accounting.identity import Run
from services.sensors.arrival.laid_runs import Laid, lay, part_of
from services.sensors.arrival.record import AXES, Record
from services.sensors.store.even_times import NS

BEGIN_NS = 1_700_000_000 * NS
RATES_HZ = (1.0, 31.25, 250.0)


def records(parts: Sequence[tuple[float, int]], rate_hz: float) -> list[Record]:
    """Of each how many intervals after the one before it ends, and how many samples it has."""
    found, at, value = [], 0.0, 0
    for later, count in parts:
        at += later
        values = np.arange(value, value + 3 * count, dtype=np.int32).reshape(3, count)
        device_ns = BEGIN_NS + round(at * NS / rate_hz)
        found.append(Record(device_ns=device_ns, cloud_ns=device_ns, rate_hz=rate_hz, values=values, source="a"))
        value += 3 * count
    return found


def laid(found: Sequence[Record], known: dict[str, list[Run]] | None = None) -> Laid:
    return lay(found, known or {}, NS / found[0].rate_hz)


@given(
    parts=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 33)), min_size=1, max_size=12),
    stored=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 33)), max_size=4),
    rate_hz=st.sampled_from(RATES_HZ),
)
@example(parts=[(1.0, 1)] * 5 + [(0.5, 1)], stored=[], rate_hz=1.0)  # of one sample, half an interval early
@example(parts=[(32.0, 32), (0.5, 1)], stored=[], rate_hz=31.25)
@example(parts=[(1.0, 1), (0.5, 1)], stored=[(1.0, 1)], rate_hz=31.25)
def test_no_run_ends_before_it_begins_and_every_sample_is_in_one_or_accounted_for(
    parts: list[tuple[float, int]], stored: list[tuple[float, int]], rate_hz: float
) -> None:
    known = laid(records(stored, rate_hz)).new if stored else {}
    offered = records(parts, rate_hz)
    found = laid(offered, known)
    runs = [run for axis in AXES for run in found.new[axis]]
    assert all(run.device_ns <= run.device_end_ns for run in runs)
    assert sum(run.values.size for run in runs) == found.account.new
    assert found.account.offered == sum(record.values.size for record in offered)


@pytest.mark.parametrize("stray", [-0.8, -0.5, 0.5, 0.9])
def test_one_sample_that_strays_is_repeated_when_it_comes_again(stray: float) -> None:
    offered = records([(1.0, 1)] * 5 + [(1.0 + stray, 1)], 31.25)
    assert laid(offered, laid(offered).new).account.repeated == 18


@given(length_ns=st.integers(0, 10**9), count=st.integers(1, 40), at=st.integers(0, 39), size=st.integers(1, 40))
@example(length_ns=3, count=3, at=1, size=1)  # in the middle of two halves of a nanosecond
def test_a_part_of_a_run_begins_before_it_ends_and_inside_the_run(
    length_ns: int, count: int, at: int, size: int
) -> None:
    run = Run(device_ns=BEGIN_NS, device_end_ns=BEGIN_NS + length_ns, values=np.zeros(count, np.int32))
    first = at % count
    part = part_of(run, first, min(first + size, count))
    assert run.device_ns <= part.device_ns <= part.device_end_ns <= run.device_end_ns


@pytest.mark.parametrize("stated", [0.96, 1.0, 1.04])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_neighbours_are_new_in_any_order_and_known_again_though_the_stated_rate_is_wrong(
    stated: float, order: Sequence[int]
) -> None:
    offered = records([(1.0, 32), (32.0, 32), (32.0, 32)], 31.25)
    interval_ns = NS / 31.25 / stated
    known: dict[str, list[Run]] = {axis: [] for axis in AXES}
    for place in order:
        found = lay([offered[place]], known, interval_ns)
        assert found.account.new == offered[place].values.size
        known = {axis: [*runs, *found.new[axis]] for axis, runs in known.items()}
    for record in offered:
        assert lay([record], known, interval_ns).account.repeated == record.values.size
