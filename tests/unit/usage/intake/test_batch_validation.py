"""Numbers of a metered request: whatever a gate's account sends, those that are taken add up to what a BIGINT holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.usage.intake.batch_validation import AHEAD_MAX, Unacceptable, check, read
from shared.contracts.usage import DURATION_US_MAX, SIZE_MAX, RequestMetered
from shared.gate.metering.refusal_aggregation import REQUESTS_MAX
from tests.examples import NOON
from tests.usage_examples import framed, record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# As many as no database of ours holds: a thousand a second of one key, for all of 90 days.
RECORDS = 1000 * 86_400 * 90
EXTREME = st.one_of(
    st.integers(),
    st.integers(-2, 2),
    st.builds(lambda power, off: 2**power + off, st.integers(0, 70), st.integers(-1, 1)),
)
BOUNDS: dict[str, tuple[int, int]] = {
    "status": (100, 599),
    "cost": (0, 1),
    "duration_us": (0, DURATION_US_MAX),
    "size": (0, SIZE_MAX),
    "requests": (1, 1),
}


def sent(one: list[Any]) -> RequestMetered:
    """As it comes from the bus. Raises Unacceptable."""
    batch = read({"segment": "s", "start": 0, "end": framed(one), "records": [one]})
    check(batch, NOON)
    return batch


def with_numbers(**different: object) -> list[Any]:
    fields = [field.name for field in msgspec.structs.fields(record())]
    one: list[Any] = msgspec.to_builtins(record())
    for name, value in different.items():
        one[fields.index(name)] = value
    return one


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(BOUNDS, EXTREME)))
def test_whatever_numbers_are_sent_those_taken_overflow_no_sum(numbers: dict[str, int]) -> None:
    try:
        (taken,) = sent(with_numbers(**numbers)).records
    except Unacceptable:
        assert any(not BOUNDS[name][0] <= value <= BOUNDS[name][1] for name, value in numbers.items())
        return
    assert all(0 <= number * RECORDS < 2**63 for number in (taken.requests, taken.cost, taken.size))
    assert 100 <= taken.status <= 599
    assert 0 <= taken.duration_us <= DURATION_US_MAX


@pytest.mark.parametrize(("name", "bounds"), BOUNDS.items(), ids=BOUNDS)
def test_each_number_is_taken_to_its_bounds_and_no_further(name: str, bounds: tuple[int, int]) -> None:
    for within in bounds:
        assert getattr(sent(with_numbers(**{name: within})).records[0], name) == within
    for beyond in (bounds[0] - 1, bounds[1] + 1, -(2**63), 2**63 - 1, 2**64):
        with pytest.raises(Unacceptable):
            sent(with_numbers(**{name: beyond}))


def test_of_many_refusals_one_record_is_taken_and_of_one_more_none() -> None:
    assert sent(with_numbers(cost=0, requests=REQUESTS_MAX)).records[0].requests == REQUESTS_MAX
    for numbers in ({"cost": 0, "requests": REQUESTS_MAX + 1}, {"cost": 1, "requests": 2}):
        with pytest.raises(Unacceptable):
            sent(with_numbers(**numbers))


@pytest.mark.parametrize(
    ("at", "is_taken"),
    [
        (EPOCH, True),
        (EPOCH - timedelta(microseconds=1), False),
        (NOON + AHEAD_MAX, True),
        (NOON + AHEAD_MAX + timedelta(microseconds=1), False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-14:00", False),
        ("2026-11-23T12:00:00", False),  # of which zone?
    ],
)
def test_a_time_is_taken_from_1970_to_a_year_ahead(at: object, is_taken: bool) -> None:
    one = with_numbers(at=at)
    if is_taken:
        assert sent(one).records[0].at == at
    else:
        with pytest.raises(Unacceptable):
            sent(msgspec.to_builtins(one))


@given(start=EXTREME, end=EXTREME)
def test_whatever_extent_is_claimed_one_that_is_taken_fits_its_column(start: int, end: int) -> None:
    one = with_numbers()
    for claimed in (end, start + framed(one)):
        try:
            batch = read({"segment": "s", "start": start, "end": claimed, "records": [one]})
            check(batch, NOON)
        except Unacceptable:
            continue
        assert 0 <= batch.start < batch.end == batch.start + framed(one) < 2**63
