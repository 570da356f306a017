"""Queue of what rules have still to look at: rows left in the transaction that brought the news."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, insert

from services.usage.alerting import tables
from services.usage.alerting.evaluation.observation import ObservedBatch, QueuedItem, observations
from shared.contracts.usage import RequestRecord


def queue_requests(tx: Connection, records: Iterable[RequestRecord]) -> None:
    """Beside the counting, in its transaction: one row that says what of the batch rules must look at.

    It reads nothing, so a rule can neither hold up nor fail the counting; and what is committed is evaluated, once a
    moment later or after a crash.
    """
    seen = observations(records)
    if seen:
        queue_evaluation(tx, ObservedBatch(observations=seen))


def queue_evaluation(tx: Connection, what: QueuedItem) -> None:
    """For the next evaluation."""
    tx.execute(insert(tables.pending_evaluation).values(body=msgspec.json.encode(what).decode()))
