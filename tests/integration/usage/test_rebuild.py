"""The counters are what the requests add up to, also when they are made again; and those without requests stay."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from services.usage import tables
from services.usage.counters.durations import fold
from services.usage.counters.rollup import roll_up
from services.usage.intake.metering import Metering
from services.usage.rebuild import rebuild
from services.usage.retention.retention import Retention, RetentionTimes
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record

DAY = timedelta(days=1)
# Not as the rebuild lists them: what it left out would be counted twice.
COUNTERS = [table for table in tables.metadata.sorted_tables if "minute" in table.c]


def counters(database: Database) -> list[list[tuple[Any, ...]]]:
    with database.reading() as tx:
        return [[tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))] for table in COUNTERS]


def take_in_three_days(metering: Metering, database: Database) -> None:
    """And have them rolled up half; of durations, those of the last day are still queued."""
    for day in range(3):
        requests = [
            record(
                at=NOON - DAY * day - timedelta(seconds=37 * number),
                key_id=key_id,
                status=status,
                duration_us=10**number,
                size=number,
                network_id=(None, "net_1", "net_2")[number % 3],
            )
            for number in range(6)
            for key_id in ("key_a", "key_b", None)
            for status in (200, 404)
        ]
        fold(database)
        metering.take_in(batch(*requests, segment=f"day {day}"))
    roll_up(database, until=to_microseconds(NOON - DAY) // MINUTE_US)


def test_made_again_they_are_equal_to_the_byte(usage_database: Database, metering: Metering) -> None:
    take_in_three_days(metering, usage_database)
    fold(usage_database)
    before = counters(usage_database)
    assert all(before)
    assert [(rebuilt.day, rebuilt.differences) for rebuilt in rebuild(usage_database)] == [
        ("2026-11-21", 0),
        ("2026-11-22", 0),
        ("2026-11-23", 0),
    ]
    assert counters(usage_database) == before


def test_durations_that_are_still_queued_are_no_difference_and_count_once(
    usage_database: Database, metering: Metering
) -> None:
    take_in_three_days(metering, usage_database)
    assert not any(rebuilt.differences for rebuilt in rebuild(usage_database))
    before = counters(usage_database)
    fold(usage_database)
    assert counters(usage_database) == before


def test_what_differs_is_told_and_mended(usage_database: Database, metering: Metering) -> None:
    take_in_three_days(metering, usage_database)
    fold(usage_database)
    before = counters(usage_database)
    minutes = tables.counter.c.minute
    with usage_database.transaction() as tx:
        wrong = tx.execute(select(minutes).order_by(minutes).limit(1)).scalar_one()
        tx.execute(
            update(tables.counter).where(minutes == wrong, tables.counter.c.key_id == "key_a").values(requests=7)
        )
        for table in (tables.duration, tables.duration_day):
            tx.execute(delete(table).where(table.c.key_id == "key_b"))
    differing = {rebuilt.day: rebuilt for rebuilt in rebuild(usage_database) if rebuilt.differences}
    assert {day: rebuilt.differences for day, rebuilt in differing.items()} == {
        "2026-11-21": 5,  # two counters of that minute, the sketches of two hours and of the day
        "2026-11-22": 3,
        "2026-11-23": 3,
    }
    assert any(": was 7 1 " in told and ", is 1 1 " in told for told in differing["2026-11-21"].told)
    assert counters(usage_database) == before


def test_days_whose_requests_are_gone_are_sealed(
    usage_database: Database, metering: Metering, clock: ManualClock
) -> None:
    take_in_three_days(metering, usage_database)
    fold(usage_database)
    Retention(usage_database, clock, RetentionTimes(raw_days=1, counter_days=100, alert_days=100)).run()
    before = counters(usage_database)
    assert [rebuilt.day for rebuilt in rebuild(usage_database)] == ["2026-11-22", "2026-11-23"]
    assert counters(usage_database) == before
