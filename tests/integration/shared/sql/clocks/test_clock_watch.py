"""A service's clock in doubt stands still for what deletes, over restarts too, until it is right or accepted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import MetaData

from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import ClockWatch, boot_id, clock_reading_table
from shared.sql.database import Database
from tests.examples import NOON

AHEAD = timedelta(days=100)
TABLE = clock_reading_table(MetaData())


@pytest.fixture
def watched(database: Database) -> Database:
    TABLE.metadata.create_all(database.engine)
    return database


def watch(database: Database, clock: ManualClock, boot: str = "boot_1") -> ClockWatch:
    return ClockWatch("usage", database, TABLE, clock, boot)


def test_until_the_first_reading_nothing_is_old_enough_to_go(watched: Database, clock: ManualClock) -> None:
    first = watch(watched, clock)
    assert first.clock.trusted_now() == datetime(1970, 1, 1, tzinfo=UTC)
    first.tick()
    assert first.clock.trusted_now() == clock.now() == first.clock.now()
    assert first.doubted() is None


def test_a_clock_that_is_set_stands_still_for_what_deletes_and_goes_on_once_it_is_right(
    watched: Database, clock: ManualClock
) -> None:
    running = watch(watched, clock)
    running.tick()
    clock.set_by(AHEAD)
    assert running.clock.trusted_now() == NOON, "before the next reading, too"
    running.tick()
    assert (running.clock.trusted_now(), running.clock.now()) == (NOON, NOON + AHEAD)
    assert running.doubted() == (NOON, NOON + AHEAD)
    clock.set_by(-AHEAD)
    clock.advance(60)
    running.tick()
    assert running.clock.trusted_now() == NOON + timedelta(minutes=1)


def test_a_start_with_a_wrong_clock_is_in_doubt_from_its_first_reading_until_it_is_accepted(
    watched: Database, clock: ManualClock
) -> None:
    watch(watched, clock).tick()
    clock.set_by(AHEAD)
    started = watch(watched, clock, "boot_2")
    started.tick()
    assert started.clock.trusted_now() == NOON
    watch(watched, clock, "boot_2").accept()  # an operator's command, in another process
    started.tick()
    assert started.clock.trusted_now() == NOON + AHEAD


def test_a_database_that_is_away_changes_nothing(database: Database, clock: ManualClock) -> None:
    lacking = watch(database, clock)  # its table is not there
    lacking.tick()
    assert lacking.clock.trusted_now() == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_boot_is_the_machines() -> None:
    assert boot_id() == boot_id()
