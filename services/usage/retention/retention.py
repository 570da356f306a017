"""Retention: deletes old requests, counters and finished alerts, each kind after its own time. Runs by a timer.

Nothing here is urgent, so nothing here holds anybody up: on PostgreSQL whole days are dropped, and what has to be
deleted row by row goes in small steps.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.exc import OperationalError

from services.usage import tables
from services.usage.alerting.tables import alert
from services.usage.counters.counters import KEYS, ORGANISATIONS, STEPPED, rolled_up_before
from services.usage.requests import partitions
from services.usage.requests.request_log import sealed_before
from services.usage.writer_lock import take_writer_lock
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import DAY_US, MINUTE_US, midnight, to_microseconds

AHEAD_DAYS = 3  # partitions are made so many days ahead
_STEP_ROWS = 2000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionTimes:
    """`raw_days`: requests one by one, and counters by minute. `counter_days`: counters by hour and day.

    `alert_days`: resolved alerts, counted from their end; open ones are kept.
    """

    raw_days: int
    counter_days: int
    alert_days: int


KEPT_DEFAULT = RetentionTimes(raw_days=90, counter_days=730, alert_days=730)


class Retention:
    def __init__(self, database: Database, clock: Clock, kept: RetentionTimes) -> None:
        self._database, self._clock, self._kept = database, clock, kept

    def run(self) -> None:
        """Safe to run at any time, any number of times, in several processes."""
        self._make_partitions(to_microseconds(self._clock.now()) // DAY_US)
        today = midnight(self._clock.trusted_now())
        before = self._seal(to_microseconds(today - timedelta(days=self._kept.raw_days)))
        self._drop_requests(before)
        counters_before = to_microseconds(today - timedelta(days=self._kept.counter_days))
        minutes_before = self._rolled_up(before // MINUTE_US)
        for steps in STEPPED:
            self._delete_in_steps(steps.minute, "minute", minutes_before)
        longer = [steps.hour for steps in STEPPED]
        longer += [table for owned in (KEYS, ORGANISATIONS) for table in (owned.duration, owned.duration_day)]
        for table in (*longer, tables.counter_day):
            self._delete_in_steps(table, "minute", counters_before // MINUTE_US)
        self._delete_in_steps(alert, "resolved_at", to_microseconds(today - timedelta(days=self._kept.alert_days)))

    def _make_partitions(self, today: int) -> None:
        with self._database.transaction() as tx:
            if partitions.are_kept(tx):
                take_writer_lock(tx)
                partitions.make(tx, range(today, today + AHEAD_DAYS + 1))

    def _seal(self, before: int) -> int:
        """Moves the seal forward: nothing older is stored from now on. It never moves back, for the rows are gone."""
        table = tables.sealed
        with self._database.transaction() as tx:
            take_writer_lock(tx)
            tx.execute(update(table).where(table.c.before < before).values(before=before))
            return sealed_before(tx)

    def _rolled_up(self, minute: int) -> int:
        """`minute`, or the roll-up mark if earlier: no minute is deleted before it is rolled up into hours."""
        with self._database.reading(once=True) as tx:
            return min(minute, rolled_up_before(tx))

    def _drop_requests(self, before: int) -> None:
        with self._database.reading() as tx:
            days = partitions.days(tx) if partitions.are_kept(tx) else None
        if days is None:
            self._delete_in_steps(tables.request, "at", before)
            return
        for day in (day for day in days if day * DAY_US < before):
            try:
                with self._database.transaction() as tx:
                    take_writer_lock(tx)
                    partitions.drop(tx, day)
            except OperationalError as error:
                _log.warning("partition_not_dropped", partition=partitions.name(day), detail=str(error.orig))
                return  # the next run tries again

    def _delete_in_steps(self, table: Table, column: str, before: int) -> None:
        keys = list(table.primary_key)
        oldest = select(*keys).where(table.c[column] < before).limit(_STEP_ROWS)
        this = delete(table).where(*(key == bindparam(f"this_{key.name}") for key in keys))
        while True:
            with self._database.transaction() as tx:
                take_writer_lock(tx)
                rows = tx.execute(oldest).all()
                if rows:
                    tx.execute(this, [{f"this_{name}": value for name, value in row._mapping.items()} for row in rows])
            if len(rows) < _STEP_ROWS:
                return
            time.sleep(0)  # embedded, all services share this thread
