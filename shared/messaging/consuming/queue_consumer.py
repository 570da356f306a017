"""Consumers that a stop waits for only briefly: also while RabbitMQ is away, and not before messages are acknowledged.

kombu's loop looks whether it is to stop when something arrives, or each second, and never while it connects anew. Here
one to which nothing comes rests until something does, or until it is woken, for each look takes a process 0.2 ms.
"""

import select
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kombu.mixins import ConsumerMixin
from nameko.messaging import QueueConsumer

from shared.messaging.accounts.admission import Refused, account_in, refuse

# How long a loop waits without looking whether it is to stop. Where nothing came for so long, it rests. What others
# send over its connection meanwhile has as long to leave.
LOOK_SECONDS = 0.5
# Heartbeats, due each half of a minute, are sent between two rests.
REST_SECONDS_MAX = 10.0
_CONNECT_AGAIN_SECONDS, _CONNECT_AGAIN_SECONDS_MAX = 1, 5


class _Stopped(Exception):
    """Asked to stop while there was no connection."""


class PromptConsumer(ConsumerMixin):
    """kombu's loop, which ends soon after `should_stop` is set, or at once where it is then woken."""

    _waker: socket.socket | None = None

    def run(self, **kwargs: Any) -> None:
        try:
            super().run(**kwargs)
        except _Stopped:
            return

    def consume(self, limit: None = None, **kwargs: Any) -> Iterator[Any]:
        woken, self._waker = socket.socketpair()
        with woken, self._waker, self.consumer_context(**kwargs) as (connection, _, _):
            # Held: for one that a write found gone kombu would make another, where nothing is consumed.
            transport, established = connection.transport, connection.connection
            while not self.should_stop:
                self.on_iteration()
                try:
                    transport.drain_events(established, timeout=LOOK_SECONDS)
                except TimeoutError:
                    transport.heartbeat_check(established)
                    _rest(established, woken)
                except OSError:
                    if not self.should_stop:
                        raise
                else:
                    yield

    def wake(self) -> None:
        """Ends a rest, also one that is about to begin: for it to see what was asked of it."""
        if self._waker is not None:
            with suppress(OSError):  # its connection has just gone
                self._waker.send(b"!")

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
        self.wake()  # before it is asked, and seen after: this greenlet gives way only to wait for the answer
        if self._is_consuming or not self._consumers_ready.ready():
            super().unregister_provider(provider)
        else:  # nameko's would wait for the next connection
            super(QueueConsumer, self).unregister_provider(provider)

    def ack_message(self, message: Any) -> None:
        """One whose connection has just gone is delivered again: nameko's container would die of it."""
        with suppress(ConnectionError):
            super().ack_message(message)

    def reject_message(self, message: Any) -> None:
        if message.channel.connection:  # else the broker has requeued it already
            with suppress(ConnectionError):
                message.reject()

    def stop(self) -> None:
        """The container's methods have ended by now."""
        self.wait_for_providers()
        self.should_stop = True
        self.wake()
        super().stop()

    def kill(self) -> None:
        self.wake()
        super().kill()

    def _let_go(self) -> None:
        """With its connection a consumer is gone, whether it was to be cancelled or not."""
        waiting: dict[Any, Any] = self._pending_remove_providers
        self._pending_remove_providers: dict[Any, Any] = {}
        self._consumers: dict[Any, Any] = {}
        for taken_back in waiting.values():
            taken_back.send()


def has_arrived(established: Any) -> bool:
    """Whether something has arrived that is not taken yet. Embedded that is not to be seen: False."""
    arriving = _socket(established)
    if arriving is None or _is_pending(arriving):
        return arriving is not None
    looked = select.poll()
    looked.register(arriving, select.POLLIN)
    return bool(looked.poll(0))


def _rest(established: Any, woken: socket.socket) -> None:
    """Until something arrives, or `woken` has been written to."""
    arriving = _socket(established)
    if arriving is None or _is_pending(arriving):
        return
    with selectors.DefaultSelector() as either:
        either.register(arriving, selectors.EVENT_READ)
        either.register(woken, selectors.EVENT_READ)
        if any(key.fileobj is woken for key, _ in either.select(REST_SECONDS_MAX)):
            woken.recv(1)


def _socket(established: Any) -> socket.socket | None:
    """None: embedded there is none."""
    return getattr(established, "sock", None)


def _is_pending(arriving: socket.socket) -> bool:
    """What TLS has taken from the socket already arrives there no more."""
    return isinstance(arriving, ssl.SSLSocket) and bool(arriving.pending())
