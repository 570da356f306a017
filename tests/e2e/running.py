"""The real thing, in both of its worlds: `grillo up` as one process, and docker-compose.yml's services natively."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import accumulate, repeat
from operator import mul
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests import local_http
from tests.stack import LET_IN, Stack

SECRET = re.compile(rb"grl_[0-9A-Za-z]{49}")
# Receivers of tests are on loopback, and speak no TLS.
RECEIVERS_ON_LOOPBACK = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1", "WEBHOOK_ALLOW_HTTP": "true"}
GRILLO = (sys.executable, "-m", "services.cli")
T = TypeVar("T")


class System:
    """What any test of a running system needs to know of it. `internal_url`: of the keys service."""

    url: str
    internal_url: str
    organisation: str
    admin_key: str

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return local_http.client(base_url=self.url, headers=headers, timeout=30)

    def admin(self) -> httpx.Client:
        return self.client(self.admin_key)

    def create_key(self, *permissions: str, name: str = "A key") -> tuple[str, str]:
        """(id, secret)"""
        with self.admin() as admin:
            answer = judged(lambda: admin.post("/v1/keys", json={"name": name, "permissions": list(permissions)}))
        assert answer.status_code == 201, answer.text
        created = answer.json()
        return created["id"], created["key"]

    def metrics(self) -> str:
        """What the internal door of the keys service tells Prometheus."""
        return local_http.get(f"{self.internal_url}/metrics").raise_for_status().text


class Embedded(System):
    """`grillo up` on a data folder. `admin_key` is that of its first start, also when this is a later one."""

    def __init__(self, data: Path, *, admin_key: str | None = None) -> None:
        self.data = data
        self._errors = (data.parent / f"{data.name}.err").open("ab")
        command = [*GRILLO, "up", "--port", "0", "--data", str(data), "--json"]
        environment = os.environ | RECEIVERS_ON_LOOPBACK | LET_IN
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"grillo up ended with {self.process.wait()}: {self.errors()}"
        self.announced: dict[str, Any] = json.loads(line)
        self.url = self.announced["url"]
        self.internal_url = self.announced["internal"]
        self.organisation = self.announced["organisation"]
        self.admin_key = admin_key or self.announced["admin_key"]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def errors(self) -> str:
        self._errors.flush()
        return Path(self._errors.name).read_text()

    def __enter__(self) -> "Embedded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Distributed(System):
    """The services of docker-compose.yml behind nginx, on private RabbitMQ and PostgreSQL."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.url = stack, stack.url
        self.internal_url = stack.internal_url("keys")
        self.organisation, self.admin_key = stack.populate()

    def metrics(self) -> str:
        return self.stack.metrics("keys")


def grillo(*arguments: str, key: str | None = None, url: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    environment = os.environ | {"GRILLO_API_KEY": key or "", "GRILLO_URL": url or ""}
    return subprocess.run([*GRILLO, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def eventually(read: Callable[[], T], is_it: Callable[[T], bool], seconds: float = 60, every: float = 0.1) -> T:
    """Reads until it is so; the deadline only ends a test that has failed.

    `every`: seconds at first, then longer and longer up to one: who reads with a key has a limit by the minute.
    """
    deadline, pauses = time.monotonic() + seconds, accumulate(repeat(1.25), mul, initial=every)
    while not is_it(value := read()):
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        time.sleep(min(next(pauses), max(every, 1.0)))
    return value


def judged(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer, once there is one by a gate that is fresh, as one loses its lease now and then on a busy machine, and
    within the limit of the key, which all tests of a system share.
    """
    not_now = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}
    return eventually(ask, lambda answer: answer.status_code not in not_now, seconds=300)
