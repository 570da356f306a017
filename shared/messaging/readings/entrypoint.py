"""nameko entrypoint of readings: `receives` gives a method all that has come, in order, one batch at a time.

A batch is acknowledged when the method has returned. If it raises, the batch is kept, unacknowledged, and given to it
again after a growing delay: nothing is lost or dropped while a database is away. What dies with the process is
delivered again. A message from an account that may not send for its network is counted, dropped, and not shown to
the method.
"""

from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

import eventlet
import structlog
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint

from shared.messaging.accounts.admission import Refused, account_in, refuse
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.entrypoints import ACCOUNTS
from shared.messaging.queue_consumer import PromptQueueConsumer
from shared.messaging.readings.exchange import readings_queue
from shared.messaging.readings.reading import Reading

BATCH_MAX = 300
"""Messages; as many more may wait in this process."""

_AGAIN_SECONDS, _AGAIN_SECONDS_MAX = 0.5, 10.0
_SECONDS_MAX = 1e11
_log = structlog.get_logger(__name__)


class _RawQueueConsumer(PromptQueueConsumer):
    """Hands messages over as they came: kombu would acknowledge, and lose, what it cannot decode."""

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        for provider in self._providers:
            consumer = consumer_cls(queues=[provider.queue], on_message=provider.offer)
            consumer.qos(prefetch_count=2 * BATCH_MAX)
            self._consumers[provider] = consumer
        return self._consumers.values()

    def acknowledge(self, batch: list[Any]) -> None:
        """With its last message all before: batches are taken in order, one after the other."""
        if batch and batch[-1].channel.connection:  # else the broker has taken them back
            with suppress(ConnectionError):
                batch[-1].ack(multiple=True)


class _Receiving(Entrypoint):
    queue_consumer = _RawQueueConsumer()

    def __init__(self, service: str, **options: Any) -> None:
        self.queue = readings_queue(service)
        self._waiting: deque[Any] = deque()
        self._is_busy = self._is_stopping = False
        self._failures = 0
        super().__init__(**options)

    def setup(self) -> None:
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        self._is_stopping = True
        self.queue_consumer.unregister_provider(self)

    def offer(self, message: Any) -> None:
        """Called by the consumer, which must not wait."""
        self._waiting.append(message)
        self._go_on()

    def _go_on(self, after_seconds: float = 0) -> None:
        if not self._is_busy and self._waiting and not self._is_stopping:
            self._is_busy = True
            self.container.spawn_managed_thread(partial(self._start, after_seconds))

    def _start(self, after_seconds: float) -> None:
        eventlet.sleep(after_seconds)
        batch, readings = self._batch()
        if readings and not self._is_stopping:
            try:
                self.container.spawn_worker(self, (readings,), {}, handle_result=partial(self._handled, batch))
            except ContainerBeingKilled:
                self._is_busy = False
            return
        self._is_busy = False
        self._go_on()

    def _batch(self) -> tuple[list[Any], list[Reading]]:
        """Messages, and what they say. Those of a connection that is gone will be delivered again."""
        batch: list[Any] = []
        readings: list[Reading] = []
        while self._waiting and len(batch) < BATCH_MAX:
            message = self._waiting.popleft()
            if not message.channel.connection:
                continue
            reading = _reading(message, self._accounts)
            if reading is None:
                self.queue_consumer.ack_message(message)
            else:
                batch.append(message)
                readings.append(reading)
        return batch, readings

    def _handled(self, batch: list[Any], _worker_ctx: Any, result: Any = None, exc_info: Any = None) -> tuple[Any, Any]:
        if exc_info is None:
            self._failures = 0
            self.queue_consumer.acknowledge(batch)
        else:
            self._failures += 1
            for message in batch:
                message.delivery_info["redelivered"] = True  # some of them may be durable
            self._waiting.extendleft(reversed(batch))
            _log.warning("readings_put_off", messages=len(batch), failures=self._failures)
        self._is_busy = False
        self._go_on(min(_AGAIN_SECONDS * self._failures, _AGAIN_SECONDS_MAX))
        return result, exc_info

    @property
    def _accounts(self) -> Accounts:
        accounts: Accounts = self.container.config.get(ACCOUNTS, ALL_BELIEVED)
        return accounts


receives = _Receiving.decorator


def _reading(message: Any, accounts: Accounts) -> Reading | None:
    """None: its account may not send it."""
    account, network_id = account_in(message), message.delivery_info["routing_key"]
    if not accounts.may_send_readings(account, network_id):
        refuse(Refused.READING if account else Refused.NO_ACCOUNT, account, "readings of a network")
        return None
    body = message.body
    return Reading(
        account=account if accounts.demanded else None,
        network_id=network_id,
        body=body.encode() if isinstance(body, str) else bytes(body),
        sent_ns=_sent_ns(message),
        is_redelivered=bool(message.delivery_info.get("redelivered")),
    )


def _sent_ns(message: Any) -> int | None:
    """Of the AMQP property `timestamp`, whole seconds."""
    sent = message.properties.get("timestamp")
    is_time = isinstance(sent, int | float) and not isinstance(sent, bool) and 0 < sent < _SECONDS_MAX
    return round(sent * 1_000_000_000) if is_time else None
