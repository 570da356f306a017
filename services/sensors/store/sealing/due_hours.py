"""Hours that are due: which are to be sealed, who is at it, and which are done. One sealer an axis at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import Metric
from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from services.sensors import tables
from shared.observability.at_scrape import Measure, gauge
from shared.runtime.clock import Clock
from shared.sql.clocks.due import is_due
from shared.sql.database import Database, DatabaseBusy
from shared.values.timestamps import HOUR_US, to_microseconds

SETTLE_SECONDS = 120
_LEASE = timedelta(minutes=5)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueHour:
    """`version`: as it was read; it grows when what is sealed of the hour has to change."""

    sensor_id: str
    axis: str
    hour: int
    version: int

    def of(self, table: Any) -> Any:  # a table that has these columns
        return (table.c.sensor_id == self.sensor_id) & (table.c.axis == self.axis) & (table.c.hour == self.hour)


class DueHours:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def first(self, hours_max: int, settled: bool) -> list[DueHour]:
        """The longest due first. `settled`: only hours that are over, and long enough known."""
        table = tables.seal_due
        query = select(table).order_by(table.c.since_us).limit(hours_max)
        if settled:
            query = query.where(_is_settled(self._clock))
        with self._database.reading(once=True) as tx:
            rows = tx.execute(query).all()
        return [DueHour(sensor_id=row.sensor_id, axis=row.axis, hour=row.hour, version=row.version) for row in rows]

    def claim(self, due: DueHour) -> bool:
        """A sealer that ends after its claim keeps an axis for some minutes at most."""
        table, now = tables.channel, self._clock.now()
        is_this = (table.c.sensor_id == due.sensor_id) & (table.c.axis == due.axis)
        with self._database.transaction(durable=False) as tx:
            claimed = update(table).where(is_this, is_due(table.c.sealing_until_us, now, _LEASE))
            if tx.execute(claimed.values(sealing_until_us=to_microseconds(now + _LEASE))).rowcount:
                return True
            return tx.execute(select(table.c.axis).where(is_this)).first() is None  # nothing of it is left

    def release(self, due: DueHour) -> None:
        table = tables.channel
        is_this = (table.c.sensor_id == due.sensor_id) & (table.c.axis == due.axis)
        with self._database.transaction(durable=False) as tx:
            tx.execute(update(table).where(is_this).values(sealing_until_us=0))

    def done(self, tx: Connection, due: DueHour) -> None:
        """In the transaction that sealed it. Due it stays if more has arrived, or it has changed, since it was read."""
        table, spans = tables.seal_due, tables.span
        more = select(spans.c.id).where(due.of(spans), spans.c.file_id.is_(None)).limit(1)
        if tx.execute(more).first() is None:
            tx.execute(delete(table).where(due.of(table), table.c.version == due.version))
        else:
            tx.execute(update(table).where(due.of(table)).values(since_us=self._now_us()))

    def put_off(self, due: DueHour) -> None:
        """Others come before it."""
        table = tables.seal_due
        try:
            with self._database.transaction() as tx:
                tx.execute(update(table).where(due.of(table)).values(since_us=self._now_us()))
        except (SQLAlchemyError, DatabaseBusy) as error:
            _log.warning("hour_not_put_off", detail=str(error))

    def _now_us(self) -> int:
        return to_microseconds(self._clock.now())


def measured(database: Database, clock: Clock) -> Measure:
    """The backlog of sealers. Not: how much is in an hour."""

    def sealing() -> Iterable[Metric]:
        table = tables.seal_due
        with database.reading(once=True) as tx:
            due = tx.execute(select(func.count()).select_from(table).where(_is_settled(clock))).scalar_one()
        told = {"sensors": float(due)}
        yield gauge(
            "grillo_sensors_hours_due",
            "Hours of an axis that are over and could be sealed now. Not: hours that have not settled yet.",
            "service",
            told,
        )

    return sealing


def _is_settled(clock: Clock) -> ColumnElement[bool]:
    """Over, and long enough known."""
    table, before = tables.seal_due, clock.now() - timedelta(seconds=SETTLE_SECONDS)
    known = is_due(table.c.since_us, before, timedelta(seconds=SETTLE_SECONDS))
    return and_(known, table.c.hour < to_microseconds(before) // HOUR_US)
