"""Where runs begin is told by their ends: whatever was believed of the rate, and of the runs before, when they came."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.sensors.timing.starts import Extent, starts_ns

INTERVAL_NS = 33_000_000.0
SAMPLES = 32
STAMP_NS = 1_000_001
BEGIN_NS = 1_700_000_000_000_000_000


def ends_ns(lengths: Sequence[float]) -> list[int]:
    """Each run so many of its samples' intervals after the one before it."""
    return [BEGIN_NS + round(at * SAMPLES * INTERVAL_NS) for at in accumulate(lengths)]


def runs(ends: Sequence[int], believed_ns: Sequence[float]) -> list[Extent]:
    return [
        Extent(end - round((SAMPLES - 1) * interval_ns), end, SAMPLES)
        for end, interval_ns in zip(ends, believed_ns, strict=True)
    ]


@given(
    lengths=st.lists(st.sampled_from([0.99, 1.0, 1.013, 1.5, 4.0]), min_size=1, max_size=30),
    believed=st.lists(st.floats(0.95, 1.05), min_size=30, max_size=30),
)
def test_runs_begin_where_they_would_had_the_rate_been_known(lengths: list[float], believed: list[float]) -> None:
    ends = ends_ns(lengths)
    known = starts_ns(runs(ends, [INTERVAL_NS for _ in ends]), None, INTERVAL_NS)
    found = starts_ns(runs(ends, [INTERVAL_NS * one for one in believed[: len(ends)]]), None, INTERVAL_NS)
    assert all(abs(one - other) <= STAMP_NS for one, other in zip(found, known, strict=True))


@given(lengths=st.lists(st.floats(0.985, 1.015), min_size=2, max_size=30))
def test_no_run_that_follows_another_is_torn_from_it(lengths: list[float]) -> None:
    """Stamps stray by half an interval, all the time where a device's spacing alternates."""
    starts = starts_ns(runs(ends_ns(lengths), [INTERVAL_NS for _ in lengths]), None, INTERVAL_NS)
    assert all(abs(after - before - SAMPLES * INTERVAL_NS) < INTERVAL_NS / 2 for before, after in pairwise(starts))


def test_a_run_of_many_records_does_not_spread_over_a_missing_one() -> None:
    long = 30 * SAMPLES
    end_ns = BEGIN_NS + round((SAMPLES + long) * INTERVAL_NS)
    run = Extent(end_ns - round((long - 1) * INTERVAL_NS), end_ns, long)
    (before,) = runs([BEGIN_NS], [INTERVAL_NS])
    assert starts_ns([run], before, INTERVAL_NS) == [run.device_ns]


def test_one_sample_stays_where_its_stamp_says() -> None:
    run = Extent(BEGIN_NS + 50_000_000, BEGIN_NS + 50_000_000, 1)
    assert starts_ns([run], Extent(BEGIN_NS, BEGIN_NS, 1), INTERVAL_NS) == [run.device_ns]
