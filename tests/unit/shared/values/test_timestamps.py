"""Moments as texts and as numbers: each conversion is the other's inverse."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.values.timestamps import (
    from_microseconds,
    from_nanoseconds,
    from_rfc3339,
    midnight,
    rfc3339,
    to_microseconds,
    to_nanoseconds,
)

moments = st.datetimes(
    min_value=datetime(1, 1, 1),  # noqa: DTZ001  hypothesis adds the time zone
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments)
def test_a_moment_comes_back_from_each_form(at: datetime) -> None:
    assert from_microseconds(to_microseconds(at)) == at
    assert from_nanoseconds(to_nanoseconds(at)) == at
    assert from_rfc3339(rfc3339(at)) == at


@given(moments, moments)
def test_texts_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


@given(moments)
def test_a_day_begins_at_midnight_utc(at: datetime) -> None:
    began = midnight(at)
    assert began <= at
    assert (began.date(), began.time()) == (at.date(), datetime.min.time())
