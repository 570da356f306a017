"""The tests' own system: what it has started is ended, whatever strikes before it is ready."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ServiceDatabase
from tests.stack import Stack

WAITING = (sys.executable, "-c", "import time; time.sleep(600)")


class NoServer:
    """Stands for each of the three: nobody asks it anything."""

    def new_service_database(self) -> ServiceDatabase:
        return ServiceDatabase(name="none", password="", owner_password="")

    def new_vhost(self) -> str:
        return "amqp://grillo:grillo@127.0.0.1:1/"

    def url_of(self, _service: str) -> str:
        return "redis://127.0.0.1:1"


@pytest.mark.parametrize("struck", ["_start_front", "wait_until_ready"])
def test_a_time_out_before_it_is_ready_leaves_no_process(
    struck: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(*_: object) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(WAITING))
        return started[-1]

    def strike(*_: object) -> None:
        pytest.fail("Timeout")

    steps: dict[str, Any] = {"migrate": lambda *_: None, "_start": start, "_start_front": start}
    for name, step in (steps | {struck: strike}).items():
        monkeypatch.setattr(Stack, name, step)
    server: Any = NoServer()
    try:
        with pytest.raises(pytest.fail.Exception, match="Timeout"):
            Stack(tmp_path, server, server, server)
        assert len(started) >= 4
        assert {process.poll() for process in started} == {-signal.SIGTERM}
    finally:
        for process in started:
            process.kill()
