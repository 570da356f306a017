"""Intake of RequestMetered batches from the bus, with group commit: batches that wait together share a transaction.

A batch that cannot be counted is parked. If that fails, too, its gate sends it again.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy.exc import DataError

from services.usage.intake.batch_validation import Unacceptable, check, read
from services.usage.intake.counted_extents import SETTLED, Outcome
from services.usage.intake.metering import Metering
from services.usage.intake.parked_batches import ParkedBatches
from shared.contracts.usage import BatchesCounted, RequestMetered
from shared.messaging.accounts.admission import Refused, refuse
from shared.messaging.publishing import EventPublisher
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.runtime.flat_combining import Abandoned, Combiner

BATCHES_MAX = 20
_FOREIGN = "its segment is another account's"
_OVERLAPS = "overlaps what is counted of its segment, and is not inside it"
_log = structlog.get_logger(__name__)


class _Waiting(NamedTuple):
    """`body`: as it came, to be parked if need be: what is read of it may lack fields of later releases."""

    batch: RequestMetered
    body: object
    account: str | None


class BatchIntake:
    """`batches_max`: of one transaction; 1 where a long transaction would hold up everything else."""

    def __init__(
        self,
        metering: Metering,
        parked: ParkedBatches,
        publisher: EventPublisher,
        clock: Clock,
        *,
        batches_max: int,
    ) -> None:
        self._metering, self._parked, self._publisher, self._clock = metering, parked, publisher, clock
        self._count_soon = Combiner(self._count, most=batches_max)

    def take(self, body: object, account: str | None = None) -> None:
        """Returns when the batch is counted, parked or refused. If none could be, its gate will send it again.

        `account`: who sent it; None where accounts are not demanded.
        """
        try:
            batch = read(body)
            check(batch, self._clock.now())
            self._count_soon(_Waiting(batch, body, account))
        except Unacceptable as unacceptable:
            self._park(body, str(unacceptable), account)
        except Abandoned:
            _log.warning("batch_not_counted", detail="the thread that was counting it was stopped")

    def _count(self, waiting: Sequence[_Waiting]) -> None:
        try:
            outcomes = self._metering.take_in_all([one.batch for one in waiting], [one.account for one in waiting])
            taken = list(zip(waiting, outcomes, strict=True))
            for one in [one for one, outcome in taken if outcome is Outcome.OVERLAPPING]:
                self._park(one.body, _OVERLAPS, one.account)
            for one in [one for one, outcome in taken if outcome is Outcome.FOREIGN]:
                refuse(Refused.BATCH, one.account, "a batch of another account's segment")
            told = [one.batch for one, outcome in taken if outcome in SETTLED]
            if told:
                counted = BatchesCounted(batches=tuple((batch.segment, batch.start) for batch in told))
                self._publisher.publish("BatchesCounted", msgspec.to_builtins(counted))
        except (DataError, UnicodeError) as error:
            if len(waiting) > 1:
                for one in waiting:
                    self._count((one,))  # one by one, to find the batch that is at fault
                return
            self._park(waiting[0].body, f"the database refused it: {type(error).__name__}", waiting[0].account)
        except Exception:
            _log.exception("batches_not_counted", batches=len(waiting))

    def _park(self, body: object, reason: str, account: str | None) -> None:
        """Not what claims to be of another account's segment: it would be parked in the name of a genuine batch."""
        segment = body.get("segment") if isinstance(body, dict) else None
        try:
            if isinstance(segment, str) and segment.isprintable() and not self._metering.may_send(segment, account):
                metrics.batches_counted.labels(Outcome.FOREIGN.value).inc()
                refuse(Refused.BATCH, account, "a batch of another account's segment")
                return
            self._parked.park(body, reason, self._clock.now(), account)
            metrics.batches_counted.labels("parked").inc()
        except Exception:
            _log.exception("batch_not_parked", reason=reason)


def retry(batch_id: str, parked: ParkedBatches, metering: Metering, clock: Clock) -> str | None:
    """Counts a parked batch; answers with the reason if it still cannot be counted, else None.

    Its gate learns of it when it sends the batch again.
    """
    try:
        body, account = parked.sent(batch_id)
        batch = read(body)
        check(batch, clock.now())
    except Unacceptable as unacceptable:
        return str(unacceptable)
    (outcome,) = metering.take_in_all((batch,), (account,))
    return {Outcome.OVERLAPPING: _OVERLAPS, Outcome.FOREIGN: _FOREIGN}.get(outcome)
