"""Scheduler of alerting, run by timers: evaluates the queue, resolves alerts, publishes events, sends deliveries.

What fails is told apart, and tried again by the next tick.
"""

import threading
from collections.abc import Callable

import structlog

from services.usage.alerting.alerts.event_outbox import EventOutbox
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.notifications.deliveries.delivery_store import DeliveryStore
from services.usage.notifications.deliveries.dispatcher import Dispatcher
from shared.runtime.clock import Clock

FORGOTTEN_EVERY_SECONDS = 600
EVALUATION_SECONDS = 0.2  # between two evaluations, at least: what is queued meanwhile is merged
LOOK_SECONDS = 1.0  # for what others have queued: another worker, or one before this that has crashed
_log = structlog.get_logger(__name__)


class AlertingScheduler:
    def __init__(
        self,
        evaluator: Evaluator,
        outbox: EventOutbox,
        dispatcher: Dispatcher,
        deliveries: DeliveryStore,
        clock: Clock,
        counted: Callable[[], int],
    ) -> None:
        """`counted`: a number that changes with each batch that this process has counted."""
        self._evaluator, self._outbox, self._dispatcher = evaluator, outbox, dispatcher
        self._deliveries, self._clock = deliveries, clock
        self._forgotten_at: float | None = None
        self._counted, self._counted_before, self._looked_at = counted, -1, -LOOK_SECONDS
        self._one_at_a_time = threading.Lock()

    def evaluate(self) -> None:
        """Evaluates what is queued, at most a few times a second; an alert is sent right after it is raised.

        To be called after each batch that is counted, so that it does not wait, and a few times a second. Where this
        process has counted nothing since, it looks once a second.
        """
        if self._one_at_a_time.acquire(blocking=False):  # else what was counted since is found the next time
            try:
                self._evaluate()
            finally:
                self._one_at_a_time.release()

    def _evaluate(self) -> None:
        counted, now = self._counted(), self._clock.elapsed_seconds()
        if now < self._looked_at + (LOOK_SECONDS if counted == self._counted_before else EVALUATION_SECONDS):
            return
        try:
            if self._evaluator.run():
                self._dispatcher.dispatch_due()
            self._counted_before, self._looked_at = counted, now
        except Exception:
            # What was not evaluated stays queued for the next time.
            _log.exception("evaluation_failed")

    def each_second(self) -> None:
        """Resolves alerts that are over, publishes the outbox, sends what is due, deletes old deliveries."""
        try:
            self._evaluator.settle()
            self._outbox.run()
            self._dispatcher.dispatch_due()
            self._forget_old()
        except Exception:
            _log.exception("alerts_not_tended")

    def _forget_old(self) -> None:
        now = self._clock.elapsed_seconds()
        if self._forgotten_at is None or now >= self._forgotten_at + FORGOTTEN_EVERY_SECONDS:
            self._deliveries.forget_old(self._clock.trusted_now())
            self._forgotten_at = now
