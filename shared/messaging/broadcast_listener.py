"""Consumer thread for processes without nameko, the gates: it hears every event of the queues it is given."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from kombu import Connection, Queue

from shared.messaging.accounts.admission import believed
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.consuming.queue_consumer import PromptConsumer

Hear = Callable[[Any], None]
_log = structlog.get_logger(__name__)


class Listener(PromptConsumer):
    """Consumes queues, each with its handler, and reconnects. A message is acknowledged even if its handler raised.

    That loses nothing: a gate also pulls.
    """

    def __init__(self, amqp_uri: str, hear: Mapping[Queue, Hear], accounts: Accounts = ALL_BELIEVED) -> None:
        self.connection = Connection(amqp_uri)
        self._hear, self._accounts = hear, accounts
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
            Consumer(queues=[queue], accept=["json"], callbacks=[self._guarded(queue, hear)])
            for queue, hear in self._hear.items()
        ]

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        self._ready.set()

    def _guarded(self, queue: Queue, hear: Hear) -> Callable[[Any, Any], None]:
        def on_message(body: Any, message: Any) -> None:
            try:
                if believed(self._accounts, queue, message):
                    hear(body)
            except Exception:
                # One bad message must not stop the thread that receives revocations.
                _log.exception("message_not_heard")
            finally:
                message.ack()

        return on_message
