"""Bounds of a question: the parts that it is read in, without a database."""

from contextlib import nullcontext
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.usage.counters.aggregation import DAY_MINUTES
from services.usage.counters.question_bounds import KEYS_NARROW, WIDE_DAYS, Bounds, Question
from shared.contracts.errors import InvalidArguments

NO_DATABASE: Any = None
READ_AT_ONCE = WIDE_DAYS * KEYS_NARROW * DAY_MINUTES


def question(first: int, last: int, keys: int = 1, rows_max: int = 10) -> Question:
    return Question(NO_DATABASE, Bounds(rows_max=rows_max), first, last, keys)


@given(
    st.integers(0, 10**8),
    st.integers(0, 1500),
    st.sampled_from([1, 60, DAY_MINUTES]),
    st.integers(0, WIDE_DAYS * KEYS_NARROW),
)
def test_parts_are_the_range_one_after_the_other_and_meet_on_whole_days(
    first: int, steps: int, step: int, keys: int
) -> None:
    first -= first % step
    last = first + steps * step
    parts = list(question(first, last, keys).parts())
    assert (parts[0][0], parts[-1][1]) == (first, last)
    assert all(end == begin and begin % DAY_MINUTES == 0 for (_, end), (begin, _) in pairwise(parts))
    assert all((end - begin) * max(keys, KEYS_NARROW) <= READ_AT_ONCE for begin, end in parts)
    assert question(first, last, keys).is_wide == ((last - first) * max(keys, KEYS_NARROW) > READ_AT_ONCE) or (
        len(parts) > 1  # a part is of whole days
    )


@pytest.mark.parametrize(
    ("days", "keys", "is_wide"),
    [
        *((31, 1, False), (31, 100, False), (32, 1, True), (31, 101, True)),
        *((3, 1000, False), (4, 1000, True), (1, 10**6, False)),
    ],
)
def test_what_is_wide_depends_on_how_long_and_of_how_many_keys(days: int, keys: int, is_wide: bool) -> None:
    assert question(0, days * DAY_MINUTES, keys).is_wide == is_wide


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
