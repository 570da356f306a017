"""A service's clock in doubt stands still for what deletes, over restarts too, until it is right or accepted."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import MetaData, select, update

from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import WATCH_SECONDS, ClockWatch, boot_id, clock_reading_table
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


def test_the_first_reading_of_a_database_is_believed(watched: Database, clock: ManualClock) -> None:
    first = watch(watched, clock)
    assert first.clock.trusted_now() == clock.now() == first.clock.now()
    first.tick()
    assert first.clock.trusted_now() == clock.now()
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


def test_a_process_that_looks_but_goes_on_within_a_minute_once_it_is_accepted(
    watched: Database, clock: ManualClock
) -> None:
    watch(watched, clock).tick()
    looking = watch(watched, clock)
    assert looking.clock.trusted_now() == NOON
    clock.set_by(AHEAD)
    assert looking.clock.trusted_now() == NOON
    watch(watched, clock).accept()
    clock.advance(WATCH_SECONDS - 1)
    assert looking.clock.trusted_now() == NOON, "it looks once a minute"
    clock.advance(1)
    assert looking.clock.trusted_now() == clock.now()


def test_who_looks_but_keeps_nothing_and_tells_no_doubt_that_it_would_not_take_back(
    watched: Database, clock: ManualClock
) -> None:
    assert ClockWatch("looking", watched, TABLE, clock).clock.trusted_now() == NOON
    with watched.reading() as tx:
        assert tx.execute(select(TABLE)).all() == []
    watch(watched, clock).tick()
    clock.set_by(AHEAD)
    assert ClockWatch("looking", watched, TABLE, clock).clock.trusted_now() == NOON
    assert REGISTRY.get_sample_value("grillo_clock_in_doubt", {"service": "looking"}) is None
    running = ClockWatch("running", watched, TABLE, clock)
    running.tick()
    assert REGISTRY.get_sample_value("grillo_clock_in_doubt", {"service": "running"}) == 1
    watch(watched, clock).accept()
    running.tick()
    assert REGISTRY.get_sample_value("grillo_clock_in_doubt", {"service": "running"}) == 0


def test_steps_of_less_than_an_hour_add_up_over_restarts(watched: Database, clock: ManualClock) -> None:
    watch(watched, clock).tick()
    for minutes, is_in_doubt in ((59, False), (59, True)):
        clock.set_by(timedelta(minutes=minutes))
        started = watch(watched, clock)
        started.tick()
        assert (started.doubted() is not None) == is_in_doubt


def test_what_a_release_before_kept_is_the_first_reading(watched: Database, clock: ManualClock) -> None:
    watch(watched, clock).tick()
    with watched.transaction() as tx:
        tx.execute(update(TABLE).values(firsts=None))
    clock.advance(60)
    running = watch(watched, clock)
    running.tick()
    assert running.doubted() is None


def test_until_the_clock_can_be_judged_nothing_is_old_enough_to_go(database: Database, clock: ManualClock) -> None:
    lacking = watch(database, clock)  # its table is not there
    lacking.tick()
    assert lacking.clock.trusted_now() == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_boot_is_the_machines() -> None:
    assert boot_id() == boot_id()
