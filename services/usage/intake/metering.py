"""Metering: counts a batch of metered requests exactly once, in one transaction with everything that follows from it.

The request log, counters, last uses and the rules' queue change together or not at all, however often a batch is sent.
"""

from collections.abc import Sequence
from itertools import compress

from services.usage.alerting.evaluation.queue import queue_requests
from services.usage.counters.aggregation import sum_records
from services.usage.counters.counters import count
from services.usage.counters.last_use import RecentUses, keep_last_uses, last_uses
from services.usage.intake import parked_batches
from services.usage.intake.counted_extents import remember
from services.usage.requests.request_log import keep
from services.usage.retention.erasure import without_erased
from services.usage.writer_lock import take_writer_lock
from shared.contracts.usage import RequestMetered
from shared.observability import metrics
from shared.sql.database import Database


class Metering:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.recent_uses = RecentUses()

    def take_in(self, batch: RequestMetered) -> bool:
        """Counts the batch unless it was counted before. True when it was new."""
        (is_new,) = self.take_in_all((batch,))
        return is_new

    def take_in_all(self, batches: Sequence[RequestMetered]) -> list[bool]:
        """Group commit: several batches in one transaction, so one wait for the disk. True for each that was new."""
        with self._database.transaction() as tx:
            take_writer_lock(tx)
            are_new = remember(tx, batches)
            records = without_erased(tx, [record for batch in compress(batches, are_new) for record in batch.records])
            keep(tx, records)
            count(tx, sum_records(records))
            used = last_uses(records)
            keep_last_uses(tx, used)
            queue_requests(tx, records)
            parked_batches.forget(tx, batches)
        self.recent_uses.add(used)
        for is_new in are_new:
            metrics.batches_counted.labels("counted" if is_new else "repeated").inc()
        return are_new
