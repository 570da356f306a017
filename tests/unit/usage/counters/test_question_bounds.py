"""Bounds of a question: the parts that it is read in, without a database."""

from contextlib import nullcontext
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.usage.counters.aggregation import DAY_MINUTES, HOUR_MINUTES
from services.usage.counters.question_bounds import KEYS_NARROW, WIDE_DAYS, Bounds, Question, keys_at_once
from shared.contracts.errors import InvalidArguments

NO_DATABASE: Any = None
COUNTERS_AT_ONCE = WIDE_DAYS * KEYS_NARROW * 24


def question(first: int, last: int, keys: int = 1, step: int = HOUR_MINUTES, rows_max: int = 10) -> Question:
    return Question(NO_DATABASE, Bounds(rows_max=rows_max), first, last, keys, step)


@given(
    st.integers(0, 10**8),
    st.integers(0, 1500),
    st.sampled_from([1, 60, DAY_MINUTES]),
    st.integers(0, WIDE_DAYS * KEYS_NARROW),
)
def test_parts_are_the_range_one_after_the_other_and_meet_between_hours_and_steps(
    first: int, steps: int, step: int, keys: int
) -> None:
    first -= first % step
    last = first + steps * step
    asked = question(first, last, keys, step)
    parts = list(asked.parts())
    assert (parts[0][0], parts[-1][1]) == (first, last)
    whole = max(step, HOUR_MINUTES)  # latencies are kept by hour
    assert all(end == begin and begin % whole == 0 for (_, end), (begin, _) in pairwise(parts))
    assert all(keys * (end - begin) // step <= COUNTERS_AT_ONCE or end - begin <= whole for begin, end in parts)
    is_long, is_dense = last - first > WIDE_DAYS * DAY_MINUTES, keys * steps > COUNTERS_AT_ONCE
    assert asked.is_wide == (is_long or is_dense)


@given(st.integers(0, 10_000), st.sampled_from([1, 60, DAY_MINUTES]), st.integers(1, 10_000))
def test_of_how_many_keys_a_range_is_read_at_once(steps: int, step: int, keys: int) -> None:
    assert question(0, steps * step, keys, step).is_wide == (keys > keys_at_once(steps * step, step))


@pytest.mark.parametrize(
    ("days", "keys", "step", "is_wide"),
    [
        *((31, 1, 60, False), (31, 100, 60, False), (32, 1, 60, True), (31, 101, 60, True)),
        *((3, 1000, 60, False), (4, 1000, 60, True), (1, 1000, 1, True), (1, 50, 1, False)),
        *((31, 2400, DAY_MINUTES, False), (31, 2401, DAY_MINUTES, True)),
    ],
)
def test_what_is_wide_depends_on_how_many_counters_it_reads(days: int, keys: int, step: int, is_wide: bool) -> None:
    assert question(0, days * DAY_MINUTES, keys, step).is_wide == is_wide


def test_a_question_has_no_parts_where_there_is_nothing() -> None:
    database: Any = Mock(reading=lambda **_: nullcontext())
    of_centuries = Question(database, Bounds(), 0, 300_000 * DAY_MINUTES)
    of_centuries.narrow(lambda _: (20_000 * DAY_MINUTES, 20_040 * DAY_MINUTES))
    assert of_centuries.is_wide, "as it was asked"
    parts = list(of_centuries.parts())
    assert (parts[0][0], parts[-1][1], len(parts)) == (20_000 * DAY_MINUTES, 20_040 * DAY_MINUTES, 2)
    of_centuries.narrow(lambda _: (0, 0))
    assert list(of_centuries.parts()) == []


def test_a_wide_question_reads_so_many_rows_and_no_more() -> None:
    wide = question(0, 32 * DAY_MINUTES)
    wide.count(10)
    with pytest.raises(InvalidArguments, match="more than 10 counters: ask for a shorter range"):
        wide.count(1)
    question(0, 31 * DAY_MINUTES).count(1000)
