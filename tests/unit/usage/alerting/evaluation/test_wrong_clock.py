"""A clock in doubt takes nothing of what a key usually does, and what it raised keeps nothing back once it is right."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select

from services.usage.alerting import tables
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import HOUR_US, to_microseconds
from tests.examples import NOON
from tests.unit.usage.alerting.world import World


class InDoubt(ManualClock):
    def trusted_now(self) -> datetime:
        return NOON


def test_the_baseline_outlasts_a_clock_in_doubt_and_goes_on_once_it_is_right(database: Database) -> None:
    clock = InDoubt(NOON)
    world, hour = World(database, clock), to_microseconds(NOON) // HOUR_US
    with database.transaction() as tx:
        tx.execute(insert(tables.key_hour).values(key_id="key_a", hour=hour - 1, requests=7))
    clock.set_by(timedelta(days=100))
    world.evaluator.settle()
    clock.set_by(-timedelta(days=100))
    world.see(NOON)
    world.evaluator.settle()
    with database.reading() as tx:
        kept = tx.execute(select(tables.key_hour.c.hour, tables.key_hour.c.requests)).all()
    assert sorted(map(tuple, kept)) == [(hour - 1, 7), (hour, 1)]


def test_an_alert_of_a_wrong_time_ends_once_the_clock_is_right_and_keeps_no_other_back(database: Database) -> None:
    clock = ManualClock(NOON)
    world = World(database, clock)
    clock.set_by(timedelta(days=3))
    assert len(world.see(clock.now(), status=401, cost=0, problem="key-revoked")) == 1
    world.evaluator.settle()
    assert world.raised()[0].resolved_at is None
    clock.set_by(-timedelta(days=3))
    world.evaluator.settle()
    assert world.raised()[0].resolved_at == NOON
    assert len(world.see(NOON, status=401, cost=0, problem="key-revoked")) == 1
