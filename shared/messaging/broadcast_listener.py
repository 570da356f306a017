"""Consumer thread for processes without nameko, the gates: it hears every event of the queues it is given."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from kombu import Connection, Queue

from shared.messaging.accounts.admission import believed
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.consuming.queue_consumer import PromptConsumer, has_arrived

Hear = Callable[[Sequence[Any]], None]
HEARD_MAX = 200
_log = structlog.get_logger(__name__)


class Listener(PromptConsumer):
    """Consumes queues and reconnects. Each one's handler is given all that has come, HEARD_MAX at most; none waits for
    more. If it raises, it is given each alone.

    All are acknowledged together, even if a handler raised. That loses nothing: a gate also pulls.
    """

    def __init__(self, amqp_uri: str, hear: Mapping[Queue, Hear], accounts: Accounts = ALL_BELIEVED) -> None:
        self.connection = Connection(amqp_uri)
        self._hear, self._accounts = hear, accounts
        self._came: list[tuple[Queue, Any, Any]] = []  # (queue, body, message)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self.run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return self._ready.wait(timeout_seconds)

    def stop(self) -> None:
        self.should_stop = True
        self.wake()
        self._thread.join()

    def get_consumers(self, Consumer: Any, channel: Any) -> list[Any]:
        return [
            Consumer(queues=[queue], accept=["json"], callbacks=[partial(self._take, queue)]) for queue in self._hear
        ]

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        self._established = connection.connection
        self._ready.set()

    def consume(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            yield from super().consume(*args, **kwargs)
        finally:
            self._hear_all()  # of a connection that is gone, too: what it brought nobody brings again

    def on_iteration(self) -> None:
        if self._came and (len(self._came) >= HEARD_MAX or not has_arrived(self._established)):
            _, _, last = self._came[-1]
            self._hear_all()
            last.ack(multiple=True)

    def _take(self, queue: Queue, body: Any, message: Any) -> None:
        self._came.append((queue, body, message))

    def _hear_all(self) -> None:
        came, self._came = self._came, []
        for queue, hear in self._hear.items():
            told = [body for of, body, message in came if of is queue and believed(self._accounts, queue, message)]
            if told:
                _give(hear, told)


def _give(hear: Hear, bodies: Sequence[Any]) -> None:
    try:
        hear(bodies)
    except Exception:
        # One bad message must not stop the thread that receives revocations, nor take its neighbours with it.
        if len(bodies) == 1:
            _log.exception("message_not_heard")
            return
        for body in bodies:
            _give(hear, [body])
