"""Metering: counts a batch of metered requests exactly once, in one transaction with everything that follows from it.

The request log, counters, last uses and the rules' queue change together or not at all, however often a batch is sent.
"""

from collections.abc import Sequence

from services.usage.alerting.evaluation.queue import queue_requests
from services.usage.counters.aggregation import sum_records
from services.usage.counters.counters import count
from services.usage.counters.durations import queue_durations
from services.usage.counters.last_use import (
    RecentUses,
    keep_last_uses,
    last_uses,
    previous_uses,
    uses_in_query,
)
from services.usage.intake import parked_batches
from services.usage.intake.counted_extents import SETTLED, Outcome, remember
from services.usage.intake.segment_accounts import SegmentAccounts
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
        self.transactions = 0  # that have counted something

    def take_in(self, batch: RequestMetered) -> bool:
        """Counts the batch unless it was counted before. True when it was new."""
        (outcome,) = self.take_in_all((batch,))
        return outcome is Outcome.COUNTED

    def may_send(self, segment: str, account: str | None) -> bool:
        """Whether the segment is this account's, or nobody's yet."""
        with self._database.reading() as tx:
            return SegmentAccounts(tx, (segment,)).may_send(segment, account)

    def take_in_all(
        self, batches: Sequence[RequestMetered], accounts: Sequence[str | None] | None = None
    ) -> list[Outcome]:
        """Group commit: several batches in one transaction, so one wait for the disk. The outcome of each.

        `accounts`: who sent each, where accounts are demanded.
        """
        with self._database.transaction() as tx:
            take_writer_lock(tx)
            outcomes = remember(tx, batches, accounts)
            by_outcome = list(zip(batches, outcomes, strict=True))
            new = [batch for batch, outcome in by_outcome if outcome is Outcome.COUNTED]
            records = without_erased(tx, [record for batch in new for record in batch.records])
            keep(tx, records)
            sums = sum_records(records)
            count(tx, sums)
            queue_durations(tx, sums)
            used = last_uses(records)
            keep_last_uses(tx, used)
            queue_requests(tx, records)
            settled = [batch for batch, outcome in by_outcome if outcome in SETTLED]
            parked_batches.forget(tx, settled)
        self.transactions += 1
        self.recent_uses.add(used, previous_uses(records), uses_in_query(records))
        for outcome in outcomes:
            metrics.batches_counted.labels(outcome.value).inc()
        return outcomes
