"""Moments as the databases of usage hold them: microseconds since 1970."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.usage.epoch_microseconds import microseconds, moment
from tests.examples import NOON


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  made aware below
def test_moments_and_microseconds_are_each_others_inverse(naive: datetime) -> None:
    at = naive.replace(tzinfo=NOON.tzinfo)
    assert moment(microseconds(at)) == at
