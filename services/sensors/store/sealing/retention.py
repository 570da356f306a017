"""Retention: how long an organisation's recordings are kept, for ever unless that is set; and deleting older ones.

Whole hours go: from the index now, and their files by the next sweep.
"""

import time

from sqlalchemy import delete, select, update

from services.sensors import tables
from services.sensors.store.even_times import NS
from shared.runtime.clock import Clock
from shared.sql.database import Database, upsert
from shared.values.timestamps import DAY_US, HOUR_US, to_microseconds

_STEP_SPANS = 2000


class Retention:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def keep(self, organisation_id: str, days: int | None) -> None:
        """From now on; None: for ever."""
        table = tables.sample_retention
        with self._database.transaction() as tx:
            if days is None:
                tx.execute(delete(table).where(table.c.organisation_id == organisation_id))
                return
            row = upsert(tx, table).values(organisation_id=organisation_id, days=days)
            tx.execute(row.on_conflict_do_update(index_elements=["organisation_id"], set_={"days": days}))

    def kept_days(self, organisation_id: str) -> int | None:
        table = tables.sample_retention
        query = select(table.c.days).where(table.c.organisation_id == organisation_id)
        with self._database.reading(once=True) as tx:
            return tx.execute(query).scalar_one_or_none()

    def run(self) -> int:
        """Drops whole hours that are over for longer than their organisation keeps recordings; how many spans."""
        retention, sensor = tables.sample_retention, tables.sensor
        query = select(sensor.c.id, retention.c.days).join(
            retention, retention.c.organisation_id == sensor.c.organisation_id
        )
        with self._database.reading(once=True) as tx:
            kept = tx.execute(query.order_by(sensor.c.id)).all()
        now_us = to_microseconds(self._clock.trusted_now())
        return sum(self._drop_before(row.id, now_us - row.days * DAY_US) for row in kept)

    def _drop_before(self, sensor_id: str, before_us: int) -> int:
        span, file, due = tables.span, tables.sealed_file, tables.seal_due
        before_hour, dropped = before_us // HOUR_US, 0
        old = span.c.hour < before_hour
        # By the index of time: spans end later than their hour's end by their length at most, an hour and a second.
        near = (span.c.sensor_id == sensor_id) & (span.c.end_ns < before_us * 1000 + 2 * 3600 * NS)
        while True:
            with self._database.transaction() as tx:
                rows = tx.execute(select(span.c.id, span.c.file_id).where(near, old).limit(_STEP_SPANS)).all()
                files = {row.file_id for row in rows if row.file_id is not None}
                arrived = [row.id for row in rows if row.file_id is None]
                # Files go whole: of one that is swept up nothing may be in the index.
                gone = near & (span.c.id.in_(arrived) | span.c.file_id.in_(files))
                dropped += tx.execute(delete(span).where(gone)).rowcount
                tx.execute(update(file).where(file.c.id.in_(files)).values(superseded_us=0))
                if is_last := len(rows) < _STEP_SPANS:
                    tx.execute(delete(due).where(due.c.sensor_id == sensor_id, due.c.hour < before_hour))
            if is_last:
                return dropped
            time.sleep(0)
