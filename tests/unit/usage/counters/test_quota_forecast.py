"""When the day's quota will be used up, if it goes on like this."""

from datetime import timedelta

from services.usage.counters.quota_forecast import exhausted_at
from tests.examples import NOON

HOUR = timedelta(hours=1)
MIDNIGHT = NOON.replace(hour=0)


def test_what_is_left_lasts_as_long_as_the_last_hour_s_rate_lets_it() -> None:
    assert exhausted_at(used=600, limit=1000, in_last_hour=100, now=NOON) == NOON + 4 * HOUR
    assert exhausted_at(used=601, limit=1000, in_last_hour=200, now=NOON) == NOON + 399 / 200 * HOUR


def test_a_quota_that_lasts_until_midnight_has_no_such_time() -> None:
    assert exhausted_at(used=600, limit=1801, in_last_hour=100, now=NOON) is None
    assert exhausted_at(used=600, limit=1000, in_last_hour=0, now=NOON) is None
    assert exhausted_at(used=10**9, limit=None, in_last_hour=10**9, now=NOON) is None


def test_a_quota_that_is_used_up_is_so_now() -> None:
    assert exhausted_at(used=1000, limit=1000, in_last_hour=0, now=NOON) == NOON


def test_a_young_day_is_judged_by_a_whole_hour_also_of_the_day_before() -> None:
    ten_seconds_old = MIDNIGHT + timedelta(seconds=2)
    assert exhausted_at(used=10, limit=10_000, in_last_hour=10, now=ten_seconds_old) is None
    assert exhausted_at(used=10, limit=1000, in_last_hour=990, now=ten_seconds_old) == ten_seconds_old + HOUR
    assert exhausted_at(used=0, limit=1000, in_last_hour=0, now=MIDNIGHT) is None
