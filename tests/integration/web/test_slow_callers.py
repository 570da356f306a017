"""The embedded server under callers that only hold connections: it goes on accepting, and waits for nobody long."""

import errno
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import greenlet
import pytest

from services.embedded.server import Listening, connection_limits
from tests.integration.web.tiny import KEYS

ROOT = Path(__file__).parents[3]
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
FILES_MAX = 128


@contextmanager
def serving(folder: Path, files: list[Path] | None = None, **environment: str) -> Iterator[int]:
    """A port on which the tiny application is served, in a process that may open few files."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.web.serve_under_eventlet"],
        cwd=ROOT,
        env=os.environ | {"TINY_FOLDER": str(folder)} | environment,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
        if files is not None:
            files.append(Path(f"/proc/{process.pid}/fd"))
        yield port
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def asked(port: int) -> bytes:
    with connect(port) as connection:
        connection.sendall(HEALTH)
        return connection.recv(100)


def test_out_of_descriptors_it_goes_on_accepting_once_there_are_some(tmp_path: Path) -> None:
    files: list[Path] = []
    with serving(tmp_path, files, CONNECTIONS="1000") as port:
        with ExitStack() as held:
            # As many as there are files: some are the server's own, so the last of these wait in its queue of 50.
            for _ in range(FILES_MAX):
                held.enter_context(connect(port)).sendall(b"GET /healthz HTTP/1.1\r\n")
            deadline = time.monotonic() + 60
            while len(list(files[0].iterdir())) < FILES_MAX:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert asked(port).startswith(b"HTTP/1.1 200")


def test_callers_that_never_finish_a_request_do_not_hold_the_slots(tmp_path: Path) -> None:
    with serving(tmp_path, CONNECTIONS="4", PATIENCE_SECONDS="0.5") as port, ExitStack() as held:
        head = b"GET /healthz HTTP/1.1\r\nX-Slow: "
        body = b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\nContent-Type: application/json\r\n"
        for start in (b"", head, body + b"\r\n", body + b"Authorization: Bearer %s\r\n\r\n" % KEYS["writer"].encode()):
            held.enter_context(connect(port)).sendall(start)
        assert asked(port).startswith(b"HTTP/1.1 200")


def test_slow_bodies_push_out_each_other_and_no_one_else(tmp_path: Path) -> None:
    """Six, where two may be half read; patience alone would hold them for a minute."""
    writer = b"Authorization: Bearer %s\r\nContent-Type: application/json\r\n" % KEYS["writer"].encode()
    body = b'{"name": "x"}'
    head = b"POST /v1/things HTTP/1.1\r\nHost: x\r\n%sContent-Length: %%d\r\n\r\n" % writer
    with serving(tmp_path, CONNECTIONS="8", PATIENCE_SECONDS="60") as port, ExitStack() as held:
        slow = [held.enter_context(connect(port)) for _ in range(6)]
        for one in slow:
            one.sendall(head % 60_000 + body)
        for one in slow[:4]:
            assert one.recv(100).startswith(b"HTTP/1.1 400"), "cut off"
        with connect(port) as quick:
            quick.sendall(head % len(body) + body)
            assert quick.recv(100).startswith(b"HTTP/1.1 201")
        assert asked(port).startswith(b"HTTP/1.1 200")


def test_a_head_that_drips_in_steadily_is_cut_off(tmp_path: Path) -> None:
    """Each byte in time, the whole never: what a time-out for each read does not see."""
    with serving(tmp_path, PATIENCE_SECONDS="0.5") as port, connect(port) as slow:
        slow.settimeout(0.1)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        for _ in range(100):
            try:
                slow.sendall(b"x")
                if slow.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("still connected after 10 s")


class _Failing:
    def __init__(self, *numbers: int) -> None:
        self._errors = [OSError(number, os.strerror(number)) for number in numbers]

    def accept(self) -> Any:
        if self._errors:
            raise self._errors.pop(0)
        return "a connection"


def test_only_a_socket_that_is_gone_ends_accepting() -> None:
    passing = Listening(_Failing(errno.EMFILE, errno.ENFILE, errno.ECONNABORTED, errno.ECONNRESET, errno.ENOBUFS))
    assert passing.accept() == "a connection"
    gone = Listening(_Failing(errno.EBADF))
    with pytest.raises(greenlet.GreenletExit):
        gone.accept()
    assert gone.is_broken


@pytest.mark.parametrize("files_max", [256, 1024, 20_000, resource.RLIM_INFINITY])
def test_connections_leave_files_for_the_databases_and_the_internal_door_is_smaller(files_max: int) -> None:
    public, internal = connection_limits(files_max)
    assert 0 < internal < public <= 1000
    assert files_max == resource.RLIM_INFINITY or public + internal <= files_max / 2
