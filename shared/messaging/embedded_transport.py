"""In-memory transport for kombu, `embedded://`: kombu's own, with three faults corrected.

Virtual transports leave `content_type` out of a message's properties, where nameko's RPC looks for it; they
acknowledge a message alone that is acknowledged with all before it; and they poll. Here the property is set, all are
acknowledged, and a consumer sleeps until something is published.
"""

import threading
import time
from collections.abc import Callable
from itertools import takewhile
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, memory

URL = "embedded://localhost"


class _Arrivals:
    """Counts what is published in this process, and wakes threads that wait for the count to change."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def count(self) -> int:
        return self._count

    def announce(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_past(self, count: int, timeout_seconds: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._count != count, timeout_seconds)


_arrivals = _Arrivals()


class Message(memory.virtual.Message):
    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        super().__init__(payload, channel=channel, **kwargs)
        self.properties.setdefault("content_type", self.content_type)


class Channel(memory.Channel):
    Message = Message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        for earlier in takewhile(lambda tag: tag != delivery_tag, list(self.qos._delivered) if multiple else ()):
            super().basic_ack(earlier)
        super().basic_ack(delivery_tag)

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        _arrivals.announce()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str | None = None, **kwargs: Any) -> None:
        super()._put_fanout(exchange, message, routing_key, **kwargs)
        _arrivals.announce()


class Transport(memory.Transport):
    Channel = Channel
    driver_name = "embedded"

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Delivers one message. Raises TimeoutError (kombu's socket.timeout) when none came in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        get: Callable[..., Any] = self.cycle.get
        while True:
            seen = _arrivals.count()
            try:
                get(self._deliver)
            except Empty:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError from None
                _arrivals.wait_past(seen, left)
            else:
                return


def register() -> None:
    """Registers `embedded://` with kombu."""
    TRANSPORT_ALIASES["embedded"] = f"{__name__}:Transport"
