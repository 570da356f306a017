"""Dispatcher of deliveries: a bounded pool of threads, one for each delivery, so that a slow receiver delays no other.

At most AT_ONCE_MAX deliveries are sent at once, and two to one channel.
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
    """`mail` None: no SMTP server is configured."""

    webhook: WebhookSender
    mail: EmailSender | None = None


class Dispatcher:
    def __init__(
        self,
        deliveries: DeliveryStore,
        channels: ChannelStore,
        encryption: SecretEncryption,
        senders: Senders,
        clock: Clock,
    ) -> None:
        self._deliveries, self._channels, self._encryption = deliveries, channels, encryption
        self._senders, self._clock = senders, clock
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self._is_stopped = False

    def dispatch_due(self) -> int:
        """Starts sending what is due, without waiting for it. Answers how many deliveries were started."""
        with self._lock:
            most = AT_ONCE_MAX - len(self._threads - {threading.current_thread()})
            if most <= 0 or self._is_stopped:
                return 0
            claimed = self._deliveries.take(most, self._busy, self._clock.now())
            for one in claimed:
                thread = threading.Thread(target=self._deliver, args=(one,), name="delivery", daemon=True)
                self._busy[one.channel_id] += 1
                self._threads.add(thread)
                thread.start()
            return len(claimed)

    def stop(self) -> None:
        """Starts nothing more. What is unfinished when the process ends is sent again by the next one."""
        self._is_stopped = True

    def wait(self) -> None:
        """Waits until every delivery that is being sent is closed."""
        while threads := tuple(self._threads):
            for thread in threads:
                thread.join()

    def _deliver(self, claimed: ClaimedDelivery) -> None:
        try:
            self._send_and_close(claimed)
        except Exception:
            # Its claim stays, and it is due again when the lease ends: at least once.
            _log.exception("delivery_not_closed", delivery=claimed.id)
        finally:
            with self._lock:
                self._busy[claimed.channel_id] -= 1
                self._busy += Counter()  # keeps those above 0
            self._start_more()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _start_more(self) -> None:
        """Starts the next delivery in the place of the finished one, without waiting for the timer."""
        try:
            self.dispatch_due()
        except Exception:
            _log.exception("deliveries_not_taken")

    def _send_and_close(self, claimed: ClaimedDelivery) -> None:
        began = self._clock.now()
        try:
            outcome = self._send(claimed)
        except Exception:
            # Recorded like any other attempt, so that retries end some day.
            _log.exception("delivery_not_sent", delivery=claimed.id)
            outcome = Outcome(delivered=False, fault="an internal error while sending")
        now = self._clock.now()
        then = after(claimed.attempt, outcome, now, random.uniform(-1, 1))
        self._deliveries.close(claimed, outcome, then, began, now)
        metrics.deliveries.labels("delivered" if outcome.delivered else then.status.value).inc()
        if not outcome.delivered:
            detail = outcome.fault or str(outcome.status)
            _log.info("delivery_refused", delivery=claimed.id, channel=claimed.channel_id, detail=detail)

    def _send(self, claimed: ClaimedDelivery) -> Outcome:
        channel = self._channels.find(claimed.channel_id)
        if channel is None:
            return Outcome(delivered=False, fault="the channel was deleted", is_final=True)
        if channel.disabled_at is not None:
            return Outcome(delivered=False, fault="the channel is disabled", is_held=True)
        match channel.kind:
            case Kind.WEBHOOK:
                return self._to_webhook(channel, claimed)
            case Kind.EMAIL:
                if self._senders.mail is None:
                    return Outcome(delivered=False, fault="no SMTP server is configured")
                return self._senders.mail.send(channel.target, claimed.message_id, claimed.payload)

    def _to_webhook(self, channel: Channel, claimed: ClaimedDelivery) -> Outcome:
        now = self._clock.now()
        try:
            secrets = [self._encryption.unseal(sealed) for sealed in channel.sealed_secrets(now)]
        except InvalidToken:
            _log.error("channel_secret_unreadable", channel=channel.id)
            return Outcome(delivered=False, fault="the secret of the channel cannot be decrypted: rotate it")
        return self._senders.webhook.send(channel.target, claimed.message_id, claimed.payload, secrets, now)
