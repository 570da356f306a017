"""The real thing: `grillo up` as a process of its own, and the `grillo` command beside it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

START_SECONDS_MAX = 60
SECRET = re.compile(rb"grl_[0-9A-Za-z]{49}")
GRILLO = (sys.executable, "-m", "services.cli")
T = TypeVar("T")


class Running:
    """A started system. `admin_key` is that of its first start, also when this is a later one."""

    def __init__(self, data: Path, *, admin_key: str | None = None, options: tuple[str, ...] = ()) -> None:
        self.data = data
        self._errors = (data.parent / f"{data.name}.err").open("ab")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*GRILLO, "up", "--port", "0", "--data", str(data), "--json", *options],
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.ready_seconds = time.monotonic() - began
        assert line, f"grillo up ended with {self.process.wait()}: {self.errors()}"
        self.announced: dict[str, Any] = json.loads(line)
        self.url: str = self.announced["url"]
        self.organisation: str = self.announced["organisation"]
        self.admin_key: str = admin_key or self.announced["admin_key"]

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def admin(self) -> httpx.Client:
        return self.client(self.admin_key)

    def create_key(self, *permissions: str, name: str = "A key") -> tuple[str, str]:
        """(id, secret)"""
        with self.admin() as admin:
            answer = admin.post("/v1/keys", json={"name": name, "permissions": list(permissions)})
        assert answer.status_code == 201, answer.text
        created = answer.json()
        return created["id"], created["key"]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def errors(self) -> str:
        self._errors.flush()
        return Path(self._errors.name).read_text()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def grillo(*arguments: str, key: str | None = None, url: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    environment = os.environ | {"GRILLO_API_KEY": key or "", "GRILLO_URL": url or ""}
    return subprocess.run([*GRILLO, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def eventually(read: Callable[[], T], is_it: Callable[[T], bool], seconds: float = 15) -> T:
    """Reads until it is so; the deadline only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while not is_it(value := read()):
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        time.sleep(0.02)
    return value
