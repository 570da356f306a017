"""Sweep: deletes files that no span names any more, or never did.

A superseded file stays for an hour, for reads that have it in their list, and for as much longer as a clock may be set
without being in doubt. So does one that the index never named, whose sealer ended before its transaction.
"""

import time
from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from services.sensors import tables
from services.sensors.store.archive_lock import take_archive_lock
from services.sensors.store.miniseed.archive import Archive
from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.sql.database import Database
from shared.values.timestamps import to_microseconds

KEPT_SECONDS = 3600 + int(TOLERANCE_SECONDS)
_STEP_FILES = 200
_log = structlog.get_logger(__name__)


class Sweep:
    def __init__(self, database: Database, archive: Archive, clock: Clock) -> None:
        self._database, self._archive, self._clock = database, archive, clock

    def run(self) -> None:
        """Safe to run at any time, any number of times, in several processes."""
        self.delete_superseded()
        self.delete_orphans()

    def delete_superseded(self) -> int:
        """Files that were superseded KEPT_SECONDS ago, and those of deleted sensors; how many."""
        table, deleted = tables.sealed_file, 0
        while True:
            before_us = self._now_us() - KEPT_SECONDS * 1_000_000
            query = select(table.c.id, table.c.path).where(table.c.superseded_us <= before_us).limit(_STEP_FILES)
            with self._database.reading(once=True) as tx:
                rows = tx.execute(query).all()
            for row in rows:
                self._archive.delete(row.path)
            with self._database.transaction() as tx:
                tx.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
            deleted += len(rows)
            if len(rows) < _STEP_FILES:
                return deleted
            time.sleep(0)  # embedded, all services share this thread

    def delete_orphans(self) -> int:
        """Files as old that the index does not name, and what was never finished; how many."""
        before = self._clock.trusted_now() - timedelta(seconds=KEPT_SECONDS)
        old = [name for name, written_at in self._archive.names() if written_at < before.timestamp()]
        deleted = 0
        for first in range(0, len(old), _STEP_FILES):
            names = old[first : first + _STEP_FILES]
            with self._database.transaction() as tx:
                take_archive_lock(tx)
                path = tables.sealed_file.c.path
                known = set(tx.execute(select(path).where(path.in_(names))).scalars())
                for name in names:
                    if name not in known:
                        self._archive.delete(name)
                        deleted += 1
            time.sleep(0)
        if deleted:
            _log.info("orphans_deleted", files=deleted)
        return deleted

    def _now_us(self) -> int:
        return to_microseconds(self._clock.trusted_now())
