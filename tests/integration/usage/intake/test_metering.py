"""A batch counts once, for ever; and what the counters say is what a recount of the requests says."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from services.usage import tables
from services.usage.assembly import MIGRATIONS
from services.usage.counters import counters
from services.usage.counters.rollup import roll_up
from services.usage.counters.statistics import Statistics, Step
from services.usage.epoch_microseconds import MINUTE_US, microseconds, moment
from services.usage.intake.metering import Metering
from services.usage.rebuild import rebuild
from shared.contracts.usage import RequestMetered, RequestRecord
from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import NOON

KEYS = ("key_a", "key_b", None)


def record(seconds: float = 0, key_id: str | None = "key_a", **different: Any) -> RequestRecord:
    fields: dict[str, Any] = {
        "request_id": "r",
        "at": NOON + timedelta(seconds=seconds),
        "key_id": key_id,
        "organisation_id": key_id and "org_railway",
        "method": "GET",
        "route": "/v1/sensors",
        "status": 200,
        "cost": 1,
        "duration_us": 100,
        "size": 10,
        "address": "192.0.2.7",
        "user_agent": "",
    }
    return RequestRecord(**fields | different)


def batch(*records: RequestRecord, segment: str = "segment", start: int = 0) -> RequestMetered:
    return RequestMetered(segment=segment, start=start, end=start + 100 * max(1, len(records)), records=records)


records = st.builds(
    record,
    st.integers(-100_000, 100_000).map(lambda hundredths: hundredths / 100 * 60),
    st.sampled_from(KEYS),
    route=st.sampled_from(["/v1/sensors", "/v1/events"]),
    status=st.sampled_from([200, 304, 401, 404, 429]),
    cost=st.integers(0, 1),
    requests=st.integers(1, 500),
)
batches = st.lists(st.lists(records, max_size=12), max_size=6)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        database: Database = request.getfixturevalue("database")
    else:
        database = Database(request.getfixturevalue("postgres").new_database())
    migrate(database, MIGRATIONS)
    yield database
    database.close()


@pytest.fixture
def metering(migrated: Database) -> Metering:
    return Metering(migrated)


@pytest.fixture
def statistics(migrated: Database) -> Statistics:
    return Statistics(migrated)


def emptied(database: Database) -> Database:
    with database.transaction() as tx:
        for table in reversed(tables.metadata.sorted_tables):
            if table not in (tables.sealed, tables.rolled_up):
                tx.execute(delete(table))
        tx.execute(update(tables.rolled_up).values(before=0))
    return database


def counted_requests(database: Database) -> int:
    with database.reading() as tx:
        return tx.execute(select(func.count()).select_from(tables.request)).scalar_one()


def by_hour(database: Database) -> dict[tuple[str, int, int], int]:
    """Key, hour and status → requests, as statistics read them."""
    with database.reading() as tx:
        counter = counters.KEYS.within(tx, select(tables.counter.c.key_id), 0, 2**40, 60)
        place = (counter.c.key_id, counter.c.minute - counter.c.minute % 60, counter.c.status)
        rows = tx.execute(select(*place, func.sum(counter.c.requests)).group_by(*place))
        return {(key_id, at, status): int(requests) for key_id, at, status, requests in rows}


def last_uses(database: Database) -> dict[str, datetime]:
    with database.reading() as tx:
        return {row.key_id: moment(row.at) for row in tx.execute(select(tables.last_use))}


def test_a_batch_counts_once_however_often_and_late_it_comes(metering: Metering, migrated: Database) -> None:
    first, second = batch(record()), batch(record(), record(), start=100)
    assert [metering.take_in(one) for one in (first, second, first, second, first)] == [True, True, False, False, False]
    assert counted_requests(migrated) == 3
    assert not Metering(migrated).take_in(second)  # nor by another process
    assert Metering(migrated).take_in(batch(record(), segment="another"))


def test_a_batch_that_fails_in_the_middle_counts_not_at_all_and_later_whole(
    metering: Metering, migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("between the counters and the commit")

    with monkeypatch.context() as patched:
        patched.setattr("services.usage.intake.metering.keep_last_uses", broken)
        with pytest.raises(RuntimeError):
            metering.take_in(batch(record()))
    assert counted_requests(migrated) == 0
    assert list(metering.recent_uses.take()) == []
    assert metering.take_in(batch(record()))
    assert counted_requests(migrated) == 1


def test_an_empty_batch_is_remembered_like_any_other(metering: Metering) -> None:
    assert metering.take_in(batch())
    assert not metering.take_in(batch())


@given(batches=batches, seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counters_equal_a_recount_of_the_requests_in_whatever_order_and_how_often_batches_come(
    migrated: Database, batches: list[list[RequestRecord]], seed: int
) -> None:
    metering = Metering(emptied(migrated))
    sent = [batch(*records, start=number * 10_000) for number, records in enumerate(batches)] * 2
    chance = random.Random(seed)
    chance.shuffle(sent)
    for one in sent:
        metering.take_in(one)
        if chance.random() < 0.5:
            roll_up(migrated, until=microseconds(NOON) // MINUTE_US + chance.randint(-1000, 1000))
    everything = [record for records in batches for record in records]
    expected: Counter[tuple[str, int, str, int]] = Counter()
    costs: Counter[tuple[str, int, str, int]] = Counter()
    for one_record in everything:
        if one_record.key_id is not None:
            minute = int(one_record.at.timestamp() // 60)
            place = (one_record.key_id, minute, one_record.route, one_record.status)
            expected[place] += one_record.requests
            costs[place] += one_record.cost
    table = tables.counter
    with migrated.reading() as tx:
        rows = tx.execute(select(table)).all()
    assert {(row.key_id, row.minute, row.route, row.status): row.requests for row in rows} == dict(expected)
    assert {(row.key_id, row.minute, row.route, row.status): row.cost for row in rows} == dict(costs)
    assert counted_requests(migrated) == len(everything)
    hours: Counter[tuple[str, int, int]] = Counter()
    for (key_id, minute, _, status), requests in expected.items():
        hours[key_id, minute - minute % 60, status] += requests
    assert by_hour(migrated) == dict(hours)
    roll_up(migrated, until=2**40)
    assert by_hour(migrated) == dict(hours)
    # By every step, of organisations, and of durations: as if all had come in one batch, in order.
    assert [rebuilt for rebuilt in rebuild(migrated) if rebuilt.differences] == []
    with migrated.reading() as tx:
        of_requests = tx.execute(select(func.coalesce(func.sum(tables.request.c.requests), 0))).scalar_one()
    assert of_requests == sum(one_record.requests for one_record in everything)
    uses = [record for record in everything if record.key_id and record.cost]
    assert last_uses(migrated) == {
        key_id: max(use.at for use in uses if use.key_id == key_id) for key_id in {use.key_id for use in uses}
    }


def test_the_last_use_never_goes_back_and_a_refused_request_is_none(metering: Metering, migrated: Database) -> None:
    metering.take_in(batch(record(10), record(20, cost=0)))
    metering.take_in(batch(record(5), record(7), start=100))
    assert last_uses(migrated) == {"key_a": NOON + timedelta(seconds=10)}
    (used,) = metering.recent_uses.take()
    assert used.last_used == {"key_a": NOON + timedelta(seconds=10)}
    assert list(metering.recent_uses.take()) == []
    metering.take_in(batch(record(5), record(7), start=100))
    assert list(metering.recent_uses.take()) == []


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


@pytest.mark.parametrize(("first", "last"), [(30, 100), (24, 96), (1, 95), (25, 47), (40, 56), (47, 49)])
def test_percentiles_are_of_the_hours_in_the_range_and_of_no_others(
    metering: Metering, statistics: Statistics, first: int, last: int
) -> None:
    midnight, hour = NOON.replace(hour=0), timedelta(hours=1)
    metering.take_in(batch(*(record(at=midnight + hour * each, duration_us=each * 1000) for each in range(1, 120))))
    told = statistics.summary("key_a", midnight + hour * first, midnight + hour * last, Step.HOUR).duration_ms
    middle, highest = (first + last - 1) // 2, last - 1
    assert told.p50 == pytest.approx(middle, 0.02)
    assert told.p99 is not None
    assert told.p99 <= highest * 1.02


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
        restarted.seed(one.key_id, moments, one.today, clock.now().timestamp())
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


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  made aware below
def test_moments_and_microseconds_are_each_others_inverse(naive: datetime) -> None:
    at = naive.replace(tzinfo=NOON.tzinfo)
    assert moment(microseconds(at)) == at
