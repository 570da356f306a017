"""Hours of the last day as a chart needs them: each one, also where nothing was asked."""

from datetime import UTC, datetime

from services.keys.console.pages.key_usage import Day, Hour

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)


def test_an_hour_without_requests_is_there_too_and_the_oldest_comes_first() -> None:
    known = Hour(start=datetime(2026, 11, 28, 8, tzinfo=UTC), requests=7, refused=2)
    hours = Day(requests=7, refused=2, hours=(known,), routes=(), p50=None, p95=None, p99=None).each_hour(NOW)
    assert len(hours) == 25
    assert hours[0].start == datetime(2026, 11, 27, 9, tzinfo=UTC)
    assert [hour for hour in hours if hour.requests] == [known]
    assert hours[-1] == Hour(start=datetime(2026, 11, 28, 9, tzinfo=UTC), requests=0, refused=0)
