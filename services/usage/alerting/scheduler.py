"""The two rounds of alerting, for timers: what was just taken in, and what time alone brings. Neither ever raises."""

from datetime import datetime, timedelta

import structlog

from services.usage.alerting.alerts.event_outbox import EventOutbox
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.notifications.deliveries.delivery_store import DeliveryStore
from services.usage.notifications.deliveries.dispatcher import Dispatcher
from shared.runtime.clock import Clock

FORGOTTEN_EVERY = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class AlertingScheduler:
    def __init__(
        self,
        evaluator: Evaluator,
        announcing: EventOutbox,
        courier: Dispatcher,
        deliveries: DeliveryStore,
        clock: Clock,
    ) -> None:
        self._evaluator, self._announcing, self._courier = evaluator, announcing, courier
        self._deliveries, self._clock = deliveries, clock
        self._forgotten_at: datetime | None = None

    def soon(self) -> None:
        """A few times a second: an alert leaves right after it was raised."""
        try:
            if self._evaluator.run():
                self._courier.tend()
        except Exception:
            # A raising timer would stop the whole container; what was not evaluated waits for the next round.
            _log.exception("evaluation_failed")

    def each_second(self) -> None:
        try:
            self._evaluator.settle()
            self._announcing.run()
            self._courier.tend()
            self._forget_old()
        except Exception:
            _log.exception("alerts_not_tended")

    def _forget_old(self) -> None:
        now = self._clock.now()
        if self._forgotten_at is None or now >= self._forgotten_at + FORGOTTEN_EVERY:
            self._deliveries.forget_old(now)
            self._forgotten_at = now
