"""Times as the product's pages write them, and the range between two."""

from datetime import UTC, datetime, timedelta

import pytest
from marshmallow import ValidationError

from services.sensors.recordings.time_range import RecordedTime, time_range
from shared.web.problems.catalogue import Problem

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "text", ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "2026-11-23T13:00:00+01:00", "2026-11-23T12:00:00.000"]
)
def test_a_time_without_an_offset_is_utc(text: str) -> None:
    assert RecordedTime().deserialize(text) == NOON


def test_a_date_is_its_midnight() -> None:
    assert RecordedTime().deserialize("2026-11-23") == NOON - 12 * HOUR


@pytest.mark.parametrize("text", ["2026-W48", "20261123T120000Z", "noon", "2026-11-23T12:00", "2026-02-30", 5])
def test_other_times_are_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        RecordedTime().deserialize(text)


def test_without_a_range_the_last_sample_ends_it() -> None:
    wanted = time_range(None, None, NOON, HOUR)
    last_ns = int(NOON.timestamp()) * 10**9
    assert wanted.start_ns < last_ns < wanted.end_ns
    assert wanted.end_ns - wanted.start_ns == 60 * 10**9


@pytest.mark.parametrize(
    ("end", "name"), [(NOON, "invalid-request"), (NOON - HOUR, "invalid-request"), (NOON + 2 * HOUR, "range-too-long")]
)
def test_a_range_that_ends_too_early_or_is_too_long_is_refused(end: datetime, name: str) -> None:
    with pytest.raises(Problem) as refused:
        time_range(NOON, end, None, HOUR)
    assert refused.value.type.name == name
