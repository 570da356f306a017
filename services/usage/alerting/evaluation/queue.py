"""Queue of evaluation in SQL: observations and expiry warnings, written in the transaction that brought them."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, insert

from services.usage.alerting import tables
from services.usage.alerting.evaluation.observation import ObservedBatch, QueuedItem, observations
from shared.contracts.usage import RequestRecord

_QUEUE = insert(tables.pending_evaluation).inline()


def queue_requests(tx: Connection, records: Iterable[RequestRecord]) -> None:
    """Queues the observations of counted requests as one row, in the transaction that counts them.

    It reads nothing, so a rule can neither delay nor fail the counting; what is committed is evaluated, even after a
    crash.
    """
    seen = observations(records)
    if seen:
        queue_evaluation(tx, ObservedBatch(observations=seen))


def queue_evaluation(tx: Connection, what: QueuedItem) -> None:
    """Queues one item for the next evaluation."""
    tx.execute(_QUEUE, {"body": msgspec.json.encode(what).decode()})
