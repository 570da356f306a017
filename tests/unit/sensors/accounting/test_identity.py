"""Which samples were stored before is told by their place, and which of those differ by their values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.sensors.accounting.identity import Run, judge_by_time, judge_record

INTERVAL_NS = 32_000_000


def run(first: int, values: list[int], *, late_ns: int = 0) -> Run:
    """Of the samples from number `first` on."""
    begin_ns = first * INTERVAL_NS + late_ns
    return Run(
        device_ns=begin_ns,
        device_end_ns=begin_ns + (len(values) - 1) * INTERVAL_NS,
        values=np.array(values, dtype=np.int32),
    )


@given(
    offered=st.tuples(st.integers(0, 40), st.lists(st.integers(0, 2), min_size=1, max_size=20)),
    stored=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=5),
    late_ns=st.integers(-INTERVAL_NS // 10, INTERVAL_NS // 10),
)
def test_every_sample_offered_is_new_repeated_or_differing_and_nothing_besides(
    offered: tuple[int, list[int]], stored: list[list[int]], late_ns: int
) -> None:
    begun, known = 3, []
    values: dict[int, int] = {}
    is_astray = False
    for part in stored:
        known.append(run(begun, part))
        is_astray |= _is_whole(offered, begun - 1, part) or _is_whole(offered, begun + 1, part)
        values |= {begun + place: value for place, value in enumerate(part)}
        begun += len(part) + 2
    first, samples = offered
    for judge in (judge_record, judge_by_time):
        judged = judge(run(first, samples, late_ns=late_ns), known, INTERVAL_NS)
        if is_astray and judge is judge_record:
            assert (judged.new, judged.repeated, judged.differing) == ((), len(samples), 0), "the record tells itself"
            continue
        new = [place for begin, stop in judged.new for place in range(begin, stop)]
        assert new == [place for place in range(len(samples)) if first + place not in values]
        both = [(values[first + place], samples[place]) for place in range(len(samples)) if first + place in values]
        assert judged.repeated == sum(kept == other for kept, other in both)
        told = [pair for part in judged.contradictions for pair in zip(part.kept, part.offered, strict=True)]
        assert told == [(kept, other) for kept, other in both if kept != other]


def _is_whole(offered: tuple[int, list[int]], begun: int, part: list[int]) -> bool:
    """Whether all of a record of eight samples or more, that are not of one value, is in a run that began there."""
    first, samples = offered
    place = first - begun
    is_telling = len(samples) >= 8 and len(set(samples)) > 1
    return is_telling and place >= 0 and part[place : place + len(samples)] == samples


def test_a_sample_beside_equal_ones_is_new_however_many_they_are() -> None:
    flat = [7] * 32
    for first, beside in ((2, (0, 1)), (4, (31, 32))):
        judged = judge_record(run(first, flat), [run(3, flat)], INTERVAL_NS)
        assert (judged.new, judged.repeated) == ((beside,), 31)


def test_a_record_is_laid_upon_the_same_one_though_its_rate_was_stated_four_percent_wrong_before() -> None:
    values = np.arange(32, dtype=np.int32)
    before = Run(device_ns=-992_000_000, device_end_ns=0, values=values)
    again = Run(device_ns=-1_031_600_000, device_end_ns=0, values=values)
    assert judge_record(again, [before], 33_277_000).repeated == 32


def test_a_stamp_astray_by_most_of_an_interval_makes_no_other_sample_of_an_equal_one() -> None:
    values = np.arange(64, dtype=np.int32)
    known = Run(device_ns=0, device_end_ns=63 * INTERVAL_NS, values=values)
    for stray_ns in (-INTERVAL_NS * 7 // 10, INTERVAL_NS * 7 // 10):
        begin_ns = 16 * INTERVAL_NS + stray_ns
        again = Run(device_ns=begin_ns, device_end_ns=begin_ns + 31 * INTERVAL_NS, values=values[16:48])
        assert judge_record(again, [known], INTERVAL_NS).repeated == 32


def test_a_stamp_astray_makes_no_other_sample_of_an_equal_one_that_is_stored_across_two_runs() -> None:
    values = np.arange(64, dtype=np.int32)
    for edge in range(17, 48):
        known = [run(0, values[:edge].tolist()), run(edge, values[edge:].tolist())]
        for stray_ns in (-INTERVAL_NS * 7 // 10, 0, INTERVAL_NS * 7 // 10):
            again = run(16, values[16:48].tolist(), late_ns=stray_ns)
            assert judge_record(again, known, INTERVAL_NS).repeated == 32


def test_a_sample_that_was_lost_between_two_runs_is_new_when_it_comes() -> None:
    values = np.arange(64, dtype=np.int32)
    known = [run(0, values[:31].tolist()), run(32, values[32:].tolist())]
    judged = judge_record(run(16, values[16:48].tolist()), known, INTERVAL_NS)
    assert (judged.new, judged.repeated, judged.differing) == (((15, 16),), 31, 0)
