"""Scheduler of alerting, run by timers: evaluates the queue, resolves alerts, publishes events, sends deliveries.

It never raises: a timer that raises would stop the whole container.
"""

import structlog

from services.usage.alerting.alerts.event_outbox import EventOutbox
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.notifications.deliveries.delivery_store import DeliveryStore
from services.usage.notifications.deliveries.dispatcher import Dispatcher
from shared.runtime.clock import Clock

FORGOTTEN_EVERY_SECONDS = 600
_log = structlog.get_logger(__name__)


class AlertingScheduler:
    def __init__(
        self,
        evaluator: Evaluator,
        outbox: EventOutbox,
        dispatcher: Dispatcher,
        deliveries: DeliveryStore,
        clock: Clock,
    ) -> None:
        self._evaluator, self._outbox, self._dispatcher = evaluator, outbox, dispatcher
        self._deliveries, self._clock = deliveries, clock
        self._forgotten_at: float | None = None

    def evaluate(self) -> None:
        """Evaluates what is queued, a few times a second; an alert is sent right after it is raised."""
        try:
            if self._evaluator.run():
                self._dispatcher.dispatch_due()
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
