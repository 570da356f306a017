"""Dispatcher of deliveries: a bounded pool of threads, one for each delivery, so that a slow receiver delays no other.

How many at once, and of whom, is the decision of places.py.
"""

import random
import threading
from dataclasses import dataclass

import structlog
from cryptography.fernet import InvalidToken

from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.secret_encryption import SecretEncryption
from services.usage.notifications.deliveries.delivery_store import ClaimedDelivery, DeliveryStore
from services.usage.notifications.deliveries.places import Place, Places
from services.usage.notifications.delivery import Outcome, after
from services.usage.notifications.senders.email_sender import EmailSender
from services.usage.notifications.senders.webhook_sender import WebhookSender
from shared.observability import metrics
from shared.observability.trace_context import handed_on
from shared.runtime.clock import Clock

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
        self._places = Places()
        self._threads: set[threading.Thread] = set()
        self._is_stopped = False

    def dispatch_due(self, channel_id: str | None = None) -> int:
        """Starts sending what is due, without waiting for it. Answers how many deliveries were started.

        `channel_id`: of that channel alone.
        """
        with self._lock:
            if self._is_stopped:
                return 0
            claimed = self._deliveries.take(self._places, self._clock.now(), channel_id)
            for one in claimed:
                self._start(one)
            return len(claimed)

    def stop(self) -> None:
        """Starts nothing more. What is unfinished when the process ends is sent again by the next one."""
        self._is_stopped = True

    def wait(self) -> None:
        """Waits until every delivery that is being sent is closed."""
        while threads := tuple(self._threads):
            for thread in threads:
                thread.join()

    def _start(self, claimed: ClaimedDelivery) -> None:
        place = self._places.take(claimed.channel_id, claimed.organisation_id)
        thread = threading.Thread(target=self._deliver, args=(claimed, place), name="delivery", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            # The machine gives no more threads: it is due again when the lease ends, and its place is free.
            _log.exception("delivery_not_started", delivery=claimed.id)
            self._places.give_back(place, 0)
            self._threads.discard(thread)

    def _deliver(self, claimed: ClaimedDelivery, place: Place) -> None:
        began = self._clock.elapsed_seconds()
        try:
            self._send_and_close(claimed)
        except Exception:
            # Its claim stays, and it is due again when the lease ends: at least once.
            _log.exception("delivery_not_closed", delivery=claimed.id)
        finally:
            with self._lock:
                self._places.give_back(place, self._clock.elapsed_seconds() - began)
            self._start_more(place)
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _start_more(self, place: Place) -> None:
        """Starts the channel's next delivery after the finished one, without waiting for the timer."""
        try:
            self.dispatch_due(None if self._places.are_scarce(place) else place.channel_id)
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
        traceparent = claimed.traceparent and handed_on(claimed.traceparent)
        return self._senders.webhook.send(
            channel.target, claimed.message_id, claimed.payload, secrets, now, traceparent
        )
