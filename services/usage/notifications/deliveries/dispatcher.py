"""Carries what is due, each delivery in a thread of its own, so that a slow receiver waits by itself.

Bounded: so many at once, and of one channel no more than two.
"""

import random
import threading
from collections import Counter
from dataclasses import dataclass

import structlog
from cryptography.fernet import InvalidToken

from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.secret_encryption import SecretEncryption
from services.usage.notifications.deliveries.delivery_store import ClaimedDelivery, DeliveryStore
from services.usage.notifications.delivery import Outcome, after
from services.usage.notifications.senders.email_sender import EmailSender
from services.usage.notifications.senders.webhook_sender import WebhookSender
from shared.observability import metrics
from shared.runtime.clock import Clock

AT_ONCE_MAX = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """`mail` None: no mail server was named."""

    webhook: WebhookSender
    mail: EmailSender | None = None


class Dispatcher:
    def __init__(
        self,
        deliveries: DeliveryStore,
        channels: ChannelStore,
        sealing: SecretEncryption,
        senders: Senders,
        clock: Clock,
    ) -> None:
        self._deliveries, self._channels, self._sealing = deliveries, channels, sealing
        self._senders, self._clock = senders, clock
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self._is_stopped = False

    def tend(self) -> int:
        """Sets out with what is due, and does not wait for it; how many."""
        with self._lock:
            most = AT_ONCE_MAX - len(self._threads)
            if most <= 0 or self._is_stopped:
                return 0
            taken = self._deliveries.take(most, self._busy, self._clock.now())
            for one in taken:
                thread = threading.Thread(target=self._carry, args=(one,), name="delivery", daemon=True)
                self._busy[one.channel_id] += 1
                self._threads.add(thread)
                thread.start()
            return len(taken)

    def stop(self) -> None:
        """Sets out with nothing more. What is not closed by the end of the process is sent again by the next."""
        self._is_stopped = True

    def wait(self) -> None:
        """Until all that were on their way have arrived or given up."""
        for thread in tuple(self._threads):
            thread.join()

    def _carry(self, taken: ClaimedDelivery) -> None:
        try:
            self._send_and_close(taken)
        except Exception:
            # It stays taken, and is due again when its sender must be dead: at least once.
            _log.exception("delivery_not_closed", delivery=taken.id)
        finally:
            with self._lock:
                self._busy[taken.channel_id] -= 1
                self._busy += Counter()  # keeps those above 0
                self._threads.discard(threading.current_thread())
            self._tend_again()

    def _tend_again(self) -> None:
        """What waited for this place need not wait for the timer."""
        try:
            self.tend()
        except Exception:
            _log.exception("deliveries_not_taken")

    def _send_and_close(self, taken: ClaimedDelivery) -> None:
        began = self._clock.now()
        try:
            outcome = self._send(taken)
        except Exception:
            # Written down like any other attempt, so that it ends some day.
            _log.exception("delivery_not_sent", delivery=taken.id)
            outcome = Outcome(delivered=False, fault="a fault of ours")
        now = self._clock.now()
        then = after(taken.attempt, outcome, now, random.uniform(-1, 1))
        self._deliveries.close(taken, outcome, then, began, now)
        metrics.deliveries.labels("delivered" if outcome.delivered else then.status.value).inc()
        if not outcome.delivered:
            detail = outcome.fault or str(outcome.status)
            _log.info("delivery_refused", delivery=taken.id, channel=taken.channel_id, detail=detail)

    def _send(self, taken: ClaimedDelivery) -> Outcome:
        channel = self._channels.find(taken.channel_id)
        if channel is None or channel.disabled_at is not None:
            return Outcome(delivered=False, fault="the channel is gone or disabled", is_final=True)
        match channel.kind:
            case Kind.WEBHOOK:
                return self._to_webhook(channel, taken)
            case Kind.EMAIL:
                if self._senders.mail is None:
                    return Outcome(delivered=False, fault="no mail server is configured")
                return self._senders.mail.send(channel.target, taken.message_id, taken.payload)

    def _to_webhook(self, channel: Channel, taken: ClaimedDelivery) -> Outcome:
        now = self._clock.now()
        try:
            secrets = [self._sealing.unseal(sealed) for sealed in channel.sealed_secrets(now)]
        except InvalidToken:
            _log.error("channel_secret_unreadable", channel=channel.id)
            return Outcome(delivered=False, fault="its secret cannot be read: rotate it")
        return self._senders.webhook.send(channel.target, taken.message_id, taken.payload, secrets, now)
