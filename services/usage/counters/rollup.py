"""Roll-up: adds counters by minute to counters by hour, once no more requests of a minute are expected.

And folds what is queued of durations.

Written with each batch instead, hours would double the rows. Requests that come later are added to both by `count`.
"""

import time

from sqlalchemy import Connection, func, literal, select, update

from services.usage import tables
from services.usage.bulk_upsert import sum_of_two
from services.usage.counters.aggregation import HOUR_MINUTES
from services.usage.counters.counters import STEPPED, StepTables, rolled_up_before
from services.usage.counters.durations import fold
from services.usage.writer_lock import take_writer_lock
from shared.runtime.clock import Clock
from shared.sql.database import Database, upsert
from shared.values.timestamps import MINUTE_US, to_microseconds

SETTLED_MINUTES = 2  # by then a minute's requests have arrived, unless usage or a gate was down


class Rollup:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def run(self) -> None:
        """Safe to run at any time, any number of times, in several processes."""
        fold(self._database)
        roll_up(self._database, to_microseconds(self._clock.trusted_now()) // MINUTE_US - SETTLED_MINUTES)


def roll_up(database: Database, until: int) -> None:
    """Rolls up all minutes before `until`, each in a transaction of its own, so that no batch waits for long."""
    is_more = True
    while is_more:
        with database.transaction() as tx:
            take_writer_lock(tx)
            is_more = _roll_up_next(tx, until)
        time.sleep(0)  # embedded, all services share this thread


def _roll_up_next(tx: Connection, until: int) -> bool:
    """Rolls up the next minute that has counters; False when none before `until` is left."""
    before = rolled_up_before(tx)
    minute = tables.counter.c.minute
    found = select(func.min(minute)).where(minute >= before, minute < until)
    following: int | None = tx.execute(found).scalar_one()
    if following is None:
        if before < until:
            _move(tx, until)
        return False
    for owned in STEPPED:
        _add_to_hours(tx, owned, following)
    _move(tx, following + 1)
    return True


def _move(tx: Connection, before: int) -> None:
    tx.execute(update(tables.rolled_up).values(before=before))


def _add_to_hours(tx: Connection, owned: StepTables, of_minute: int) -> None:
    minutes, hours = owned.minute, owned.hour
    row = {column.name: column for column in minutes.columns} | {
        "minute": literal(of_minute - of_minute % HOUR_MINUTES)
    }
    rows = select(*row.values()).where(minutes.c.minute == of_minute)
    statement = upsert(tx, hours).from_select(list(row), rows)
    added = [column for column in hours.columns if not column.primary_key]
    sums = {column.name: sum_of_two(column, statement.excluded[column.name]) for column in added}
    tx.execute(statement.on_conflict_do_update(index_elements=list(hours.primary_key), set_=sums))
