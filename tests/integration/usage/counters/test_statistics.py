"""What usage tells of a key: sums by minute, hour and day, quantiles of durations, and what of its quota is spent."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from services.usage import tables
from services.usage.counters import question_bounds
from services.usage.counters.durations import fold
from services.usage.counters.last_day import LastDays
from services.usage.counters.question_bounds import Bounds
from services.usage.counters.rollup import Rollup, roll_up
from services.usage.counters.statistics import Statistics, Step
from services.usage.counters.summary import DurationsMs
from services.usage.intake.metering import Metering
from shared.contracts.errors import InvalidArguments
from shared.contracts.usage import RequestRecord
from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record


@pytest.fixture
def statistics(usage_database: Database) -> Statistics:
    return Statistics(usage_database)


def test_a_summary_adds_up_by_minute_hour_and_day_with_its_ends_on_whole_minutes(
    metering: Metering, statistics: Statistics
) -> None:
    day = 86_400
    metering.take_in(
        batch(
            record(-1),
            record(0),
            record(59.999999, status=404),
            record(60, route="/v1/events"),
            record(3600),
            record(day),
            record(0, key_id="key_b"),
        )
    )

    def counts(step: Step, start: float, end: float) -> list[tuple[float, int]]:
        summary = statistics.summary("key_a", NOON + timedelta(seconds=start), NOON + timedelta(seconds=end), step)
        assert summary.total == sum(bucket.requests for bucket in summary.series) == sum(summary.routes.values())
        return [((bucket.start - NOON).total_seconds(), bucket.requests) for bucket in summary.series]

    assert counts(Step.MINUTE, -60, 61) == [(-60, 1), (0, 2), (60, 1)]
    assert counts(Step.MINUTE, 0, 60) == [(0, 2)]
    assert counts(Step.MINUTE, 30, 30.5) == [(0, 2)]  # a minute is the finest there is
    assert counts(Step.HOUR, -3600, 2 * day) == [(-3600, 1), (0, 3), (3600, 1), (day, 1)]
    assert counts(Step.DAY, -day, 2 * day) == [(-day / 2, 5), (day / 2, 1)]
    assert counts(Step.DAY, 5 * day, 6 * day) == []
    assert counts(Step.DAY, day, -day) == []
    whole = statistics.summary("key_a", NOON, NOON + timedelta(minutes=2), Step.HOUR)
    assert whole.series[0].by_status == {"200": 2, "404": 1}
    assert whole.routes == {"/v1/sensors": 2, "/v1/events": 1}


def test_requests_are_counted_by_network_at_every_step_rolled_up_or_not(
    usage_database: Database, metering: Metering, statistics: Statistics
) -> None:
    def told(step: Step, end: float = 7200) -> dict[str, int]:
        return statistics.summary("key_a", NOON, NOON + timedelta(seconds=end), step).networks

    requests = [
        record(0, network_id="net_1"),
        record(1, network_id="net_1", requests=3, cost=0, status=403),
        record(61, network_id="net_2"),
        record(3600, network_id="net_2"),
        record(3601, network_id="net_2"),
        record(3602),
        record(0, key_id="key_b", organisation_id="org_other", network_id="net_3"),
        record(0, key_id=None, network_id="net_3"),
    ]
    metering.take_in(batch(*requests))

    def told_of_all(step: Step, end: float) -> dict[str, int]:
        return statistics.of_organisation("org_railway", NOON, NOON + timedelta(seconds=end), step).networks

    expected = {Step.MINUTE: {"net_1": 4}, Step.HOUR: {"net_1": 4, "net_2": 3}, Step.DAY: {"net_1": 4, "net_2": 3}}
    for until in (0, 3, 60, 120):
        roll_up(usage_database, to_microseconds(NOON) // MINUTE_US + until)
        for ask in (told, told_of_all):
            assert {step: ask(step, 60 if step is Step.MINUTE else 7200) for step in Step} == expected
    assert list(told(Step.HOUR)) == ["net_1", "net_2"], "the one with most comes first"
    metering.take_in(batch(record(2, network_id="net_2"), segment="late"))
    metering.take_in(batch(record(2, key_id="key_c", network_id="net_1"), segment="of another key"))
    assert told(Step.DAY) == {"net_1": 4, "net_2": 4}
    assert told_of_all(Step.DAY, 7200) == {"net_1": 5, "net_2": 4}


def test_keys_are_compared_at_every_step_rolled_up_or_not_by_requests_and_by_refusals(
    metering: Metering, statistics: Statistics, usage_database: Database
) -> None:
    owners = {"key_a": "org_railway", "key_b": "org_railway", "key_c": "org_railway", "key_x": "org_another"}
    with usage_database.transaction() as tx:
        for key_id, owner in owners.items():
            tx.execute(insert(tables.known_key).values(key_id=key_id, organisation_id=owner, hint=""))
    metering.take_in(
        batch(
            *(record(-60 * number, key_id="key_a") for number in range(5)),
            *(record(-3600 * number, key_id="key_b", status=429) for number in range(3)),
            record(0, key_id="key_c", status=404),
            record(0, key_id="key_c", status=500),
            *(record(0, key_id="key_x", status=401) for _ in range(9)),
        )
    )
    start, end = NOON - timedelta(days=1), NOON + timedelta(minutes=1)

    def compared(step: Step) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        found = statistics.by_key("org_railway", start, end, step)
        told = ([(one.key_id, one.requests) for one in keys] for keys in (found.heaviest, found.most_refused))
        return next(told), next(told)

    expected = [("key_a", 5), ("key_b", 3), ("key_c", 2)], [("key_b", 3), ("key_c", 1)]
    assert compared(Step.MINUTE) == compared(Step.HOUR) == compared(Step.DAY) == expected
    roll_up(usage_database, to_microseconds(NOON) // MINUTE_US - 60)
    assert compared(Step.HOUR) == compared(Step.DAY) == expected


@pytest.mark.parametrize(("first", "last"), [(30, 100), (24, 96), (1, 95), (25, 47), (40, 56), (47, 49)])
def test_percentiles_are_of_the_hours_in_the_range_and_of_no_others(
    usage_database: Database, metering: Metering, statistics: Statistics, first: int, last: int
) -> None:
    """Folded, queued, or some of both; of a key as of its organisation."""
    midnight, hour = NOON.replace(hour=0), timedelta(hours=1)
    asked = midnight + hour * first, midnight + hour * last, Step.HOUR

    def durations() -> DurationsMs:
        told = statistics.summary("key_a", *asked).duration_ms
        assert statistics.of_organisation("org_railway", *asked).duration_ms == told
        return told

    others: dict[str, Any] = {"key_id": "key_b", "organisation_id": "org_other", "duration_us": 10**9}
    requests = [record(at=midnight + hour * each, duration_us=each * 1000) for each in range(1, 120)]
    for parity in (0, 1):
        fold(usage_database)
        some = requests[parity::2]
        metering.take_in(batch(*some, *(record(at=one.at, **others) for one in some), segment=str(parity)))
    told = durations()
    fold(usage_database)
    assert durations() == told
    middle, highest = (first + last - 1) // 2, last - 1
    assert told.p50 == pytest.approx(middle, 0.02)
    assert told.p99 is not None
    assert told.p99 <= highest * 1.02


@pytest.mark.parametrize("step", [Step.HOUR, Step.DAY])
def test_a_wide_range_in_parts_is_the_same_as_in_one(
    usage_database: Database, metering: Metering, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    days, hour = 62, timedelta(hours=1)
    with usage_database.transaction() as tx:
        for number in range(5):
            values = {"key_id": f"key_{number}", "organisation_id": "org_railway", "hint": f"grl_{number}"}
            tx.execute(insert(tables.known_key).values(**values))
    metering.take_in(
        batch(
            *(
                record(
                    at=NOON + hour * (7 * number),
                    key_id=f"key_{number % 6}",
                    status=(200, 404, 429)[number % 3],
                    route=f"/v1/{number % 4}",
                    network_id=f"net_{number % 7}",
                    duration_us=1000 * number,
                )
                for number in range(days * 24 // 7)
            )
        )
    )
    roll_up(usage_database, to_microseconds(NOON) // MINUTE_US + 40 * 1440)
    start, end = NOON - hour, NOON + hour * 24 * (days + 20)
    asked = "org_railway", start, end, step

    def told() -> tuple[object, ...]:
        statistics = Statistics(usage_database)
        assert statistics.is_wide(start, end, step) == (days > question_bounds.WIDE_DAYS)
        return (
            statistics.summary("key_1", start, end, step),
            statistics.of_organisation(*asked),
            statistics.by_key(*asked),
        )

    in_parts = told()
    monkeypatch.setattr(question_bounds, "WIDE_DAYS", 10_000)
    assert told() == in_parts
    assert in_parts[1].total == days * 24 // 7  # type: ignore[attr-defined]


def test_a_day_of_many_keys_by_the_minute_is_wide_and_read_in_parts_and_bounded(
    usage_database: Database, metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, minutes = ("key_a", "key_b", "key_c"), 300
    with usage_database.transaction() as tx:
        for key_id in keys:
            tx.execute(insert(tables.known_key).values(key_id=key_id, organisation_id="org_railway", hint=""))
    made = [record(60 * 7 * number, key_id=key_id) for number in range(minutes // 7) for key_id in keys]
    metering.take_in(batch(*made))
    asked = "org_railway", NOON, NOON + timedelta(minutes=minutes), Step.MINUTE
    statistics = Statistics(usage_database)
    assert not statistics.is_wide_of_keys(*asked)
    in_one = statistics.by_key(*asked)
    monkeypatch.setattr(question_bounds, "WIDE_DAYS", 1)
    monkeypatch.setattr(question_bounds, "KEYS_NARROW", minutes * 2 // 24)  # two keys are narrow, three are not
    assert statistics.is_wide_of_keys(*asked)
    assert statistics.by_key(*asked) == in_one
    assert [one.requests for one in in_one.heaviest] == [len(made) // len(keys)] * len(keys)
    with pytest.raises(InvalidArguments, match="more than 5 counters"):
        Statistics(usage_database, Bounds(rows_max=5)).by_key(*asked)


def test_a_wide_question_that_passes_a_bound_is_refused_and_a_narrow_one_is_not(
    usage_database: Database, metering: Metering
) -> None:
    metering.take_in(batch(*(record(3600 * number) for number in range(10))))
    for bounds, told in ((Bounds(rows_max=5), "more than 5 counters"), (Bounds(seconds_max=0), "more than 0 s")):
        statistics = Statistics(usage_database, bounds)
        assert statistics.summary("key_a", NOON, NOON + timedelta(days=31), Step.HOUR).total == 10
        with pytest.raises(InvalidArguments, match=told):
            statistics.summary("key_a", NOON, NOON + timedelta(days=32), Step.HOUR)


def test_what_is_used_of_the_quota_is_what_was_let_pass_in_the_last_minute_and_today(
    metering: Metering, statistics: Statistics
) -> None:
    metering.take_in(
        batch(record(-43_201), record(-60), record(-59.9), record(-1, cost=0, status=429), record(-1), record(0))
    )
    used = statistics.used("key_a", NOON)
    assert (used.minute, used.day) == (3, 4)
    nothing = statistics.used("key_b", NOON)
    assert (nothing.minute, nothing.day) == (0, 0)


def test_the_last_hour_s_use_is_counted_across_midnight(metering: Metering, statistics: Statistics) -> None:
    midnight = NOON.replace(hour=0)
    ago = (timedelta(minutes=minutes) for minutes in (5, 59, 62))
    metering.take_in(batch(record(at=midnight), *(record(at=midnight - each) for each in ago)))
    used = statistics.used("key_a", midnight + timedelta(seconds=2))
    assert (used.day, used.hour) == (1, 3)


def test_a_gate_that_starts_goes_on_where_the_one_before_was_killed(metering: Metering, statistics: Statistics) -> None:
    clock, allowed = ManualClock(NOON), Limits(minute=4, day=6)
    steady, restarted = MemoryQuota(), MemoryQuota()
    spent: list[RequestRecord] = []
    for seconds in (0, 1, 70, 5, 20, 0):
        clock.advance(seconds)
        for key_id in ("key_a", "key_b"):
            if steady.spend(key_id, allowed, clock.elapsed_seconds(), clock.now().timestamp()).admitted:
                spent.append(record(key_id=key_id, at=clock.now()))
    metering.take_in(batch(*spent))
    for one in statistics.spent(clock.now()):
        moments = (clock.elapsed_seconds() - ago for ago in one.seconds_ago)
        restarted.seed(one.key_id, moments, one.today, clock.elapsed_seconds(), clock.now().timestamp())
    for seconds in (0, 0, 36, 0, 20, 5, 30, 0, 0):
        clock.advance(seconds)
        for key_id in ("key_a", "key_b", "key_c"):
            time = clock.elapsed_seconds(), clock.now().timestamp()
            assert restarted.spend(key_id, allowed, *time) == steady.spend(key_id, allowed, *time)


def test_yesterdays_calls_count_for_the_minute_and_not_for_the_day(metering: Metering, statistics: Statistics) -> None:
    midnight = NOON.replace(hour=0)
    metering.take_in(batch(record(at=midnight - timedelta(seconds=30)), record(at=midnight)))
    (spent,) = statistics.spent(midnight + timedelta(seconds=10))
    assert (spent.today, sorted(spent.seconds_ago)) == (1, [10.0, 40.0])


def test_what_a_clock_that_was_ahead_has_dated_takes_nothing_of_this_day_nor_of_this_minute(
    metering: Metering, statistics: Statistics
) -> None:
    """A gate that starts would have its minute full until then."""
    ahead = NOON + timedelta(days=3)
    metering.take_in(batch(record(at=ahead), record(at=ahead), record(at=NOON), record(at=NOON + timedelta(seconds=1))))
    (spent,) = statistics.spent(NOON)
    assert (spent.today, spent.seconds_ago) == (2, (0.0, 0.0)), "another host may be a second ahead"


def test_a_day_of_several_keys_is_by_hour_and_of_one_organisation(
    usage_database: Database, metering: Metering, clock: ManualClock
) -> None:
    with usage_database.transaction() as tx:
        for key_id, organisation_id in (("key_a", "org_railway"), ("key_b", "org_railway"), ("key_c", "org_other")):
            values = {"key_id": key_id, "organisation_id": organisation_id, "hint": "grl_…"}
            tx.execute(insert(tables.known_key).values(**values))
    hour = 3600
    metering.take_in(
        batch(
            record(0),
            record(59, status=429, cost=0),
            record(-hour + 60),
            record(-hour - 60),
            record(-24 * hour),
            record(-24 * hour - 1),
            record(0, key_id="key_b", status=503),
            record(0, key_id="key_c"),
        )
    )
    now = NOON + timedelta(minutes=1)
    days = LastDays(usage_database)
    for _ in range(2):
        told = days.of_keys("org_railway", ["key_a", "key_b", "key_c", "key_unknown"], now)
        assert told.start == NOON - timedelta(days=1)
        key_a, key_b = told.keys
        assert (key_a.key_id, key_a.requests) == ("key_a", (1, *[0] * 21, 1, 1, 2))
        assert (key_a.refused, key_a.in_last_hour) == ((*[0] * 24, 1), 2)
        assert (key_b.key_id, key_b.requests[-1], key_b.refused[-1]) == ("key_b", 1, 1)
        # The same from the counters by hour.
        clock.advance(hour)
        Rollup(usage_database, clock).run()
