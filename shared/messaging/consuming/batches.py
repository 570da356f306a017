"""nameko entrypoint that gives its method all that has come, in order, one batch at a time, acknowledged at once.

A batch is what has arrived by the time the one before is over: nothing waits for more to come. A worker of nameko, a
transaction, an acknowledgement: each costs much more than a message does, and here they are one for many.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import eventlet
from kombu import Consumer, Queue
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint

from shared.messaging.consuming.queue_consumer import PromptQueueConsumer


class BatchConsumer(PromptQueueConsumer):
    """Hands messages over as they came: kombu would acknowledge, and lose, what it cannot decode.

    Each queue by a channel of its own, so that one acknowledgement can be of all messages before it.
    """

    def get_consumers(self, _consumer_cls: Any, channel: Any) -> Any:
        for provider in self._providers:
            consumer = Consumer(
                channel.connection.client.channel(),
                queues=[provider.queue],
                accept=self.accept,
                on_message=provider.offer,
                on_decode_error=self.on_decode_error,
            )
            consumer.qos(prefetch_count=provider.prefetch_max)
            self._consumers[provider] = consumer
        return self._consumers.values()

    def acknowledge(self, batch: Sequence[Any]) -> None:
        """With its last message all before: batches are taken in order, one after the other."""
        if batch and batch[-1].channel.connection:  # else the broker has taken them back
            with suppress(ConnectionError):
                batch[-1].ack(multiple=True)


class Batching(Entrypoint):
    """What becomes of a message before its batch, and of a batch whose method raised, is for a subclass to say."""

    queue_consumer = BatchConsumer()
    # Messages of a batch, and of all that may wait in this process.
    batch_max: int
    prefetch_max: int

    def __init__(self, queue: Queue, **options: Any) -> None:
        self.queue = queue
        self._waiting: deque[Any] = deque()
        self._is_busy = self._is_stopping = False
        self._alone = 0  # so many of those that wait are to be given each by itself
        self.failures = 0  # in a row
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

    def read(self, message: Any) -> tuple[Any, ...]:
        """What the method is given of it; (): nothing, for the message is settled already."""
        raise NotImplementedError

    def failed(self, batch: Sequence[Any]) -> float:
        """The method raised. Returns after how many seconds to go on."""
        raise NotImplementedError

    def put_back(self, batch: Sequence[Any], *, each_alone: bool = False) -> None:
        """Before all that waits, in their order; as one batch, or each as one."""
        self._waiting.extendleft(reversed(batch))
        self._alone = len(batch) if each_alone else 0

    def _go_on(self, after_seconds: float = 0) -> None:
        if not self._is_busy and self._waiting and not self._is_stopping:
            self._is_busy = True
            self.container.spawn_managed_thread(partial(self._start, after_seconds))

    def _start(self, after_seconds: float) -> None:
        eventlet.sleep(after_seconds)
        batch, given = self._batch()
        if given and not self._is_stopping:
            try:
                self.container.spawn_worker(self, (given,), {}, handle_result=partial(self._handled, batch))
            except ContainerBeingKilled:
                self._is_busy = False
            return
        self._is_busy = False
        self._go_on()

    def _batch(self) -> tuple[list[Any], list[Any]]:
        """Messages, and what they say. Those of a connection that is gone will be delivered again."""
        batch: list[Any] = []
        given: list[Any] = []
        most = 1 if self._alone else self.batch_max
        while self._waiting and len(batch) < most:
            message = self._waiting.popleft()
            self._alone = max(0, self._alone - 1)
            if message.channel.connection and (said := self.read(message)):
                batch.append(message)
                given += said
        return batch, given

    def _handled(self, batch: list[Any], _worker_ctx: Any, result: Any = None, exc_info: Any = None) -> tuple[Any, Any]:
        after_seconds = 0.0
        if exc_info is None:
            self.failures = 0
            self.queue_consumer.acknowledge(batch)
        else:
            self.failures += 1
            after_seconds = self.failed(batch)
        self._is_busy = False
        self._go_on(after_seconds)
        return result, exc_info
