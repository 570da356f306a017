"""Records of two settings of a clock are told apart by continuity, whatever their order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.sensors.timing.chains import Kept, Known, are_new

SPAN_NS = 10_240_000_000


def divided(records: list[Kept], known: Known, seed: int = 0) -> list[bool]:
    """As they stand, though told in another order."""
    order = random.Random(seed).sample(range(len(records)), len(records))
    found = dict(zip(order, are_new([records[place] for place in order], known), strict=True))
    return [found[place] for place in range(len(records))]


def chain(first_ns: int, count: int) -> list[Kept]:
    """Of either setting, for all that levels tell."""
    return [Kept(first_ns + number * SPAN_NS, SPAN_NS, True, True) for number in range(count)]


@given(
    old=st.integers(12, 40),
    new=st.integers(12, 40),
    spans=st.integers(-10, -2) | st.integers(1, 10),
    phase=st.floats(0.12, 0.88),
    missing=st.sets(st.integers(0, 79), max_size=4),
    seed=st.integers(0, 10**6),
)
def test_the_old_setting_s_records_go_on_from_those_before_and_the_new_one_s_lead_up_to_those_after(
    old: int, new: int, spans: int, phase: float, missing: set[int], seed: int
) -> None:
    """Where both are not on one grid: then a record is missing or the clock was set there, and nobody knows which."""
    step_ns = round((spans + phase) * SPAN_NS)
    olds, end_ns = chain(SPAN_NS, old), old * SPAN_NS
    news = chain(end_ns + step_ns + SPAN_NS, new)
    told = [(one, False) for one in olds] + [(one, True) for one in news]
    told = [one for place, one in enumerate(told) if place not in missing]
    known = Known(0, news[-1].device_ns + SPAN_NS, step_ns)
    assert divided([one for one, _ in told], known, seed) == [is_new for _, is_new in told]


def test_of_two_records_of_the_same_time_one_is_of_each_setting() -> None:
    olds = chain(SPAN_NS, 20)
    news = chain(11 * SPAN_NS, 20)
    are = divided([*olds, *news], Known(0, 31 * SPAN_NS, -10 * SPAN_NS))
    assert are[:10] == [False] * 10
    assert are[30:] == [True] * 10
    assert [one != other for one, other in zip(are[10:20], are[20:30], strict=True)] == [True] * 10


def test_a_record_that_is_told_by_its_level_stays_where_that_says() -> None:
    only_new = Kept(SPAN_NS, SPAN_NS, False, True)
    assert divided([only_new, *chain(2 * SPAN_NS, 3)], Known(0, 5 * SPAN_NS, 0))[0]
