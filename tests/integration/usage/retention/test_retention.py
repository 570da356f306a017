"""Requests lie in the partition of their day, are kept so long and no longer, and what comes too late still counts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select

from services.usage import tables
from services.usage.alerting.tables import alert
from services.usage.counters.durations import fold
from services.usage.counters.rollup import Rollup
from services.usage.counters.statistics import Statistics, Step
from services.usage.intake.metering import Metering
from services.usage.requests import partitions
from services.usage.requests.request_log import sealed_before
from services.usage.retention import retention
from services.usage.retention.retention import AHEAD_DAYS, Retention, RetentionTimes
from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from shared.values.timestamps import DAY_US, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record

DAY = timedelta(days=1)
TODAY = to_microseconds(NOON) // DAY_US


@pytest.fixture
def keep(usage_database: Database, clock: ManualClock) -> Callable[..., None]:
    def run(raw_days: int, counter_days: int = 1000, alert_days: int = 1000) -> None:
        Rollup(usage_database, clock).run()
        kept = RetentionTimes(raw_days=raw_days, counter_days=counter_days, alert_days=alert_days)
        Retention(usage_database, clock, kept).run()

    return run


def stored_days(database: Database) -> list[int]:
    with database.reading() as tx:
        return sorted(at // DAY_US - TODAY for at in tx.execute(select(tables.request.c.at)).scalars())


def rows(tx: Connection, *of: str) -> list[int]:
    return [tx.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one() for name in of]


def test_late_and_early_requests_are_stored_on_their_own_day(usage_database: Database, metering: Metering) -> None:
    metering.take_in(batch(*(record(at=NOON + DAY * day) for day in (0, -40, 1, -3))))
    assert stored_days(usage_database) == [-40, -3, 0, 1]
    with usage_database.reading() as tx:
        if partitions.are_kept(tx):
            assert [day - TODAY for day in partitions.days(tx)] == [-40, -3, 0, 1]


def test_partitions_are_there_before_their_day(usage_database: Database, keep: Callable[..., None]) -> None:
    keep(raw_days=90)
    keep(raw_days=90)
    with usage_database.reading() as tx:
        if partitions.are_kept(tx):
            assert [day - TODAY for day in partitions.days(tx)] == list(range(AHEAD_DAYS + 1))


def test_requests_and_minutes_go_when_their_time_is_over_and_hours_and_days_later(
    usage_database: Database, metering: Metering, keep: Callable[..., None]
) -> None:
    metering.take_in(batch(*(record(at=NOON - DAY * day) for day in range(6))))
    fold(usage_database)
    keep(raw_days=2, counter_days=4)
    assert stored_days(usage_database) == [-2, -1, 0]
    with usage_database.reading() as tx:
        assert rows(tx, "counter", "organisation_counter") == [3, 3]
        assert rows(tx, "counter_hour", "counter_day", "organisation_counter_hour") == [4, 5, 4]  # today's to come
        assert rows(tx, "duration", "duration_day", "organisation_duration_day") == [5, 5, 5]
        if partitions.are_kept(tx):
            assert min(partitions.days(tx)) == TODAY - 2
    total = Statistics(usage_database).summary("key_a", NOON - 10 * DAY, NOON + DAY, Step.DAY).total
    assert total == 5


def test_what_is_deleted_row_by_row_goes_in_steps(
    usage_database: Database, metering: Metering, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_STEP_ROWS", 2)
    metering.take_in(batch(*(record(at=NOON - DAY * 9, route=f"/v1/{number}") for number in range(7))))
    fold(usage_database)
    keep(raw_days=2, counter_days=3)
    with usage_database.reading() as tx:
        assert rows(tx, "request", "counter", "counter_hour", "counter_day", "duration", "duration_day") == [0] * 6


def test_alerts_go_so_long_after_they_are_over_and_those_that_stand_never(
    usage_database: Database, keep: Callable[..., None]
) -> None:
    ends = {"long over": NOON - DAY * 31, "over": NOON - DAY * 29, "stands": None}
    with usage_database.transaction() as tx:
        for alert_id, resolved_at in ends.items():
            tx.execute(
                insert(alert).values(
                    id=alert_id,
                    rule_id="alr_1",
                    kind="quota",
                    organisation_id="org_railway",
                    key_id="key_a",
                    fact=alert_id,
                    period="",
                    facts="{}",
                    muted=False,
                    raised_at=to_microseconds(NOON - DAY * 60),
                    ends_at=to_microseconds(NOON),
                    resolved_at=resolved_at and to_microseconds(resolved_at),
                )
            )
    keep(raw_days=2, alert_days=30)
    with usage_database.reading() as tx:
        assert set(tx.execute(select(alert.c.id)).scalars()) == {"over", "stands"}


def test_what_comes_after_its_time_is_over_is_counted_and_not_stored(
    usage_database: Database, metering: Metering, keep: Callable[..., None]
) -> None:
    keep(raw_days=2)
    assert metering.take_in(batch(record(at=NOON - DAY * 30), record(at=NOON)))
    assert stored_days(usage_database) == [0]
    summary = Statistics(usage_database).summary("key_a", NOON - 40 * DAY, NOON + DAY, Step.DAY)
    assert summary.total == 2


def test_a_longer_time_brings_nothing_back_and_takes_nothing_for_kept(
    usage_database: Database, keep: Callable[..., None]
) -> None:
    keep(raw_days=2)
    keep(raw_days=50)
    with usage_database.reading() as tx:
        assert sealed_before(tx) == (TODAY - 2) * DAY_US


def test_a_reader_who_holds_a_partition_up_delays_its_end_and_nothing_else(
    postgresql_database: Database, clock: ManualClock
) -> None:
    metering = Metering(postgresql_database)
    retention_ = Retention(postgresql_database, clock, RetentionTimes(raw_days=2, counter_days=1000, alert_days=1000))
    metering.take_in(batch(record(at=NOON - DAY * 9), record(at=NOON)))
    with postgresql_database.reading() as tx:
        assert rows(tx, "request") == [2]
        retention_.run()
        metering.take_in(batch(record(at=NOON - DAY), start=1000))
    assert stored_days(postgresql_database) == [-9, -1, 0]
    retention_.run()
    assert stored_days(postgresql_database) == [-1, 0]


def test_requests_are_kept_while_the_clock_is_ahead(usage_database: Database, clock: ManualClock) -> None:
    metering, kept = Metering(usage_database), RetentionTimes(raw_days=90, counter_days=95, alert_days=95)
    metering.take_in(batch(*(record(at=NOON - timedelta(days=day)) for day in range(3))))
    running = ClockWatch("usage", usage_database, tables.clock_reading, clock, "boot_1")
    running.tick()
    clock.set_by(timedelta(days=100))
    running.tick()
    Rollup(usage_database, running.clock).run()
    Retention(usage_database, running.clock, kept).run()
    assert len(stored_days(usage_database)) == 3
    metering.take_in(batch(record(at=NOON), segment="another"))  # nothing is sealed either
    assert len(stored_days(usage_database)) == 4
    running.accept()
    Rollup(usage_database, running.clock).run()
    Retention(usage_database, running.clock, kept).run()
    assert stored_days(usage_database) == []
