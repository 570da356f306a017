"""A usage worker and one gate's meter, a broker between them and nothing else: for loads that HTTP would not bear."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts.usage import BatchesCounted
from shared.gate.metering.meter import Meter
from shared.messaging.broadcast_listener import Listener
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher, MeterBus
from shared.runtime.clock import SystemClock
from tests.servers import free_port
from tests.usage_examples import record

_KEYS, _TICK_SECONDS = 50, 0.01


class Worker:
    """The usage service's nameko containers, in the process that they have in production."""

    def __init__(self, database_url: str, amqp_uri: str, log: Path) -> None:
        door = f"http://127.0.0.1:{free_port()}"  # nobody is there: keys is away, and usage counts all the same
        self._environment = os.environ | {
            "DATABASE_URL": database_url,
            "AMQP_URI": amqp_uri,
            "INTERNAL_TOKEN": "token of a test",
            "CHANNEL_SECRETS_KEY": "k" * 32,
            "KEYS_INTERNAL_URL": door,
        }
        self._log = log.open("ab")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "services.distributed.worker", "usage"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)

    def stop(self) -> None:
        """As an operator does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def close(self) -> None:
        self.kill()
        self._log.close()


class Gate:
    """What records requests and ships them, until it hears that they are counted."""

    def __init__(self, amqp_uri: str, spool: Path) -> None:
        self.recorded: list[str] = []
        self.meter = Meter(spool, MeterBus(EventPublisher(amqp_uri, "auth")), SystemClock())
        self._listener = Listener(amqp_uri, {broadcast_queue("gate", "usage", "BatchesCounted"): self._hear})
        self._listener.start()
        assert self._listener.wait_until_ready(30)
        self.meter.start()

    def record(self, requests: int) -> None:
        now = SystemClock().now()
        for number in range(len(self.recorded), len(self.recorded) + requests):
            self.recorded.append(f"request {number}")
            self.meter.record(record(request_id=self.recorded[-1], key_id=f"key_{number % _KEYS}", at=now))

    @contextmanager
    def recording(self, requests_a_second: int) -> Iterator[None]:
        """At that rate, by a thread of its own; what it is late with, it makes up."""
        over, began, before = threading.Event(), time.monotonic(), len(self.recorded)

        def go_on() -> None:
            while not over.wait(_TICK_SECONDS):
                due = before + int((time.monotonic() - began) * requests_a_second)
                self.record(due - len(self.recorded))

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        self.meter.stop()
        self._listener.stop()

    def _hear(self, bodies: Sequence[Any]) -> None:
        for counted in msgspec.convert(bodies, type=list[BatchesCounted]):
            self.meter.counted(counted.batches)
