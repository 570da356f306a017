"""A clock in doubt takes nothing of what a key usually does: its week is deleted by trusted time."""

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
