"""Consumers that a stop waits for only briefly: also while RabbitMQ is away, and not before messages are acknowledged.

kombu's loop looks whether it is to stop when something arrives, or each second, and never while it connects anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.mixins import ConsumerMixin
from nameko.messaging import QueueConsumer

from shared.messaging.accounts.admission import Refused, account_in, refuse

# How long a loop may wait without looking whether it is to stop. Each look takes a process 0.2 ms.
LOOK_SECONDS = 0.5
_CONNECT_AGAIN_SECONDS, _CONNECT_AGAIN_SECONDS_MAX = 1, 5


class _Stopped(Exception):
    """Asked to stop while there was no connection."""


class PromptConsumer(ConsumerMixin):
    """kombu's loop, which ends soon after `should_stop` is set."""

    def run(self, **kwargs: Any) -> None:
        try:
            super().run(safety_interval=LOOK_SECONDS, **kwargs)
        except _Stopped:
            return

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                self.connect_max_retries,
                interval_start=_CONNECT_AGAIN_SECONDS,
                interval_step=_CONNECT_AGAIN_SECONDS,
                interval_max=_CONNECT_AGAIN_SECONDS_MAX,
                callback=self._end_if_stopped,  # at each attempt, and each second between two
            )
            yield connection

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Rejects it: a durable queue makes it a dead letter. kombu's would acknowledge, and lose, it."""
        refuse(
            Refused.UNREADABLE, account_in(message), f"{message.delivery_info.get('exchange')}: {type(exc).__name__}"
        )
        message.reject()

    def _end_if_stopped(self) -> None:
        if self.should_stop:
            raise _Stopped


class PromptQueueConsumer(PromptConsumer, QueueConsumer):
    """nameko's. Its connection stays until the container's methods have ended, which acknowledge by it."""

    def __init__(self) -> None:
        self._is_consuming = False
        super().__init__()

    def consume(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self._is_consuming = True
        try:
            yield from super().consume(*args, **kwargs)
        finally:
            self._is_consuming = False
            self._let_go()

    def on_iteration(self) -> None:
        """Takes back what was asked for; unlike nameko's, it does not end with its last consumer."""
        self._cancel_consumers_if_requested()

    def unregister_provider(self, provider: Any) -> None:
        if self._is_consuming or not self._consumers_ready.ready():
            super().unregister_provider(provider)
        else:  # nameko's would wait for the next connection
            super(QueueConsumer, self).unregister_provider(provider)

    def stop(self) -> None:
        """The container's methods have ended by now."""
        self.wait_for_providers()
        self.should_stop = True
        super().stop()

    def _let_go(self) -> None:
        """With its connection a consumer is gone, whether it was to be cancelled or not."""
        waiting: dict[Any, Any] = self._pending_remove_providers
        self._pending_remove_providers: dict[Any, Any] = {}
        self._consumers: dict[Any, Any] = {}
        for taken_back in waiting.values():
            taken_back.send()
