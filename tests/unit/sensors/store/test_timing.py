"""Rates of an era: which holds at a device time, and between which times two differ."""

from hypothesis import example, given
from hypothesis import strategies as st

from services.sensors.store.timing import Rates

HZ = st.sampled_from([31.25, 31.3, 31.5])
CHANGES = st.dictionaries(st.integers(1, 6), HZ, max_size=4).map(lambda one: tuple(sorted(one.items())))
RATES = st.builds(lambda first_hz, changes: Rates(first_hz=first_hz, changes=changes), HZ, CHANGES)


def test_each_rate_holds_from_its_device_time_on() -> None:
    rates = Rates(first_hz=1.0, changes=((10, 2.0), (20, 3.0)))
    assert [rates.at(at_ns) for at_ns in (-5, 9, 10, 19, 20, 99)] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


@given(RATES, RATES)
@example(Rates(first_hz=31.25), Rates(first_hz=31.25))
@example(Rates(first_hz=31.25, changes=((1, 31.3), (2, 31.5))), Rates(first_hz=31.25, changes=((2, 31.5),)))
def test_outside_the_times_between_which_two_may_differ_they_are_the_same(one: Rates, other: Rates) -> None:
    from_ns, to_ns = one.differ(other)
    for at_ns in range(8):
        is_inside = (from_ns is None or from_ns <= at_ns) and (to_ns is None or at_ns < to_ns)
        assert is_inside or one.at(at_ns) == other.at(at_ns)


def test_what_two_have_in_common_at_the_begin_and_the_end_is_outside() -> None:
    one = Rates(first_hz=1.0, changes=((10, 2.0), (20, 3.0), (30, 4.0)))
    assert one.differ(Rates(first_hz=1.0, changes=((10, 2.0), (25, 5.0), (30, 4.0)))) == (20, 30)
    assert one.differ(Rates(first_hz=1.0, changes=((10, 2.0), (20, 3.0)))) == (30, None)
    assert one.differ(Rates(first_hz=9.0, changes=((30, 4.0),))) == (None, 30)
