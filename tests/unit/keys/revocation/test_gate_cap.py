"""At the cap: no row goes that was not marked and silent for a lease and a margin, and every such row goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.revocation.gate_cap import GateCap, Step

SILENCE = 10.5
FULL = 3
MARKED = Step(mark=True)
WAITS = Step()


def cap() -> GateCap:
    return GateCap(FULL, silence_seconds=SILENCE)


def test_below_the_cap_there_is_room_and_nothing_to_do() -> None:
    assert cap().step("sensors", [], 0) is None
    assert cap().step("sensors", [7, -5], 0) is None


def test_at_the_cap_all_are_marked_and_who_keeps_the_mark_goes_when_its_lease_is_over() -> None:
    of = cap()
    assert of.step("sensors", [7, 7, 0], 100) == MARKED
    assert of.step("sensors", [-5, 7, -5], 101) == WAITS
    assert of.step("sensors", [-5, 7, -5], 101 + SILENCE - 0.125) == WAITS
    assert of.step("sensors", [-5, 7, -5], 101 + SILENCE) == Step(remove=frozenset({-5}))


def test_a_mark_counts_from_when_it_is_seen_and_not_from_when_somebody_made_it() -> None:
    """It may have been committed at any time before, or a moment ago."""
    begun_later = cap()
    assert begun_later.step("sensors", [-5, 7, -5], 100) == WAITS
    assert begun_later.step("sensors", [-5, 7, -5], 100 + SILENCE) == Step(remove=frozenset({-5}))


def test_while_all_live_they_are_marked_no_more_often_than_a_lease_takes() -> None:
    of = cap()
    steps = [of.step("sensors", [7, 7, 7], second) for second in range(30)]
    assert [second for second, step in enumerate(steps) if step == MARKED] == [0, 11, 22]


def test_one_account_s_marks_are_nothing_to_another_s() -> None:
    of = cap()
    assert of.step("sensors", [1, 1, 1], 0) == MARKED
    assert of.step("usage", [1, 1, 1], 0) == MARKED
    assert of.step("usage", [1, 1], 0) is None
    assert of.step("sensors", [-5, -5, -5], 1) == WAITS
    assert of.step("usage", [-6, 1, 1], 2) == WAITS
    assert of.step("sensors", [-5, -5, -5], 1 + SILENCE) == Step(remove=frozenset({-5}))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 1, 5, 10, 10.5, 11]), st.lists(st.integers(-3, 3), min_size=3, max_size=5))
    )
)
def test_no_mark_is_old_that_was_not_there_all_the_time(looks: list[tuple[float, list[int]]]) -> None:
    of, now, since = cap(), 0.0, dict[int, float]()
    for passed, positions in looks:
        now += passed
        since = {mark: since.get(mark, now) for mark in positions if mark < 0}
        step = of.step("sensors", positions, now)
        assert step is not None
        assert step.remove == {mark for mark, at in since.items() if now >= at + SILENCE}


@pytest.mark.parametrize("position", [0, 1, 2**63 - 1])
def test_what_a_gate_may_say_is_no_mark(position: int) -> None:
    of = cap()
    assert of.step("sensors", [position] * FULL, 0) == MARKED
    assert of.step("sensors", [position] * FULL, SILENCE - 1) == WAITS
