"""Moments as texts and as numbers: each conversion is the other's inverse."""

from datetime import UTC, datetime

import pytest
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


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T08:17:00Z",
        "2026-11-23t08:17:00z",
        "2026-11-23T08:17:00.0000000Z",
        "2026-11-23T10:17:00+02:00",
        "2026-11-23T07:17:00-01:00",
        "2026-11-23T08:17:00-00:00",
    ],
)
def test_every_spelling_of_rfc_3339_is_the_moment_that_it_names(text: str) -> None:
    assert from_rfc3339(text) == datetime(2026, 11, 23, 8, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-W48-1T08:17:00Z",  # an ISO week
        "2026-327T08:17:00Z",  # an ordinal date
        "20261123T081700Z",  # ISO 8601's basic form
        "2026-11-23T08Z",
        "2026-11-23T08:17Z",
        "2026-11-23T08:17:00+0200",
        "2026-11-23T08:17:00+02",
        "2026-11-23T08:17:00,5Z",
        "2026-11-23T08:17:00.Z",
        "2026-11-23 08:17:00Z",
        "2026-11-23T08:17:00",
        "2026-11-23",
        "2026-02-30T08:17:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:17:00+24:00",
        "٢٠٢٦-11-23T08:17:00Z",
        "0001-01-01T00:00:00+02:00",  # before the first moment that there is
        "9999-12-31T23:59:59-02:00",
        "1764000000",
        "",
    ],
)
def test_what_is_no_time_of_rfc_3339_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-11-23T08:17:00Z"):
        from_rfc3339(text)


def test_a_space_in_the_place_of_the_offset_s_plus_is_told_how_to_send_one() -> None:
    with pytest.raises(ValueError, match="%2B"):
        from_rfc3339("2026-11-23T10:17:00 02:00")
