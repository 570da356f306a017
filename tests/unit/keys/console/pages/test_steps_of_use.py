"""Steps of use as a chart needs them: each one, also where nothing was asked, and whole."""

from datetime import UTC, datetime, timedelta, timezone

from services.keys.console.pages.key_usage import Bucket, Step, Use

NOW = datetime(2026, 11, 28, 9, 30, 17, tzinfo=UTC)


def use(step: Step, *buckets: Bucket) -> Use:
    return Use(step=step, buckets=buckets, routes=())


def test_a_step_without_requests_is_there_too_and_the_oldest_comes_first() -> None:
    known = Bucket(start=datetime(2026, 11, 28, 8, tzinfo=UTC), requests=7, refused=2)
    bars = use(Step.HOUR, known).bars(NOW)
    assert len(bars) == 24
    assert bars[0].start == datetime(2026, 11, 27, 10, tzinfo=UTC)
    assert [bar for bar in bars if bar.requests] == [known]
    assert bars[-1] == Bucket(start=datetime(2026, 11, 28, 9, tzinfo=UTC))


def test_the_bars_begin_where_usage_is_asked_from() -> None:
    for step in Step:
        bars = use(step).bars(NOW)
        assert bars[0].start == step.since(NOW)
        assert bars[-1].start <= NOW < bars[-1].start + step.width


def test_days_begin_at_midnight_in_utc() -> None:
    in_tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert Step.DAY.start_of(in_tokyo) == datetime(2026, 11, 28, tzinfo=UTC)


def test_what_was_neither_refused_nor_failed_was_answered() -> None:
    assert Bucket(start=NOW, requests=10, refused=3, failed=2).answered == 5
