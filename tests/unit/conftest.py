"""No unit test opens a port or starts a process: one that does fails, whatever swallows the error on the way."""

import multiprocessing.process
import socket
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}
_CONNECTS = {"socket.bind", "socket.connect", "socket.sendto"}
_is_watching = False
_seen: list[str] = []


class NotInAUnitTest(BaseException):
    """It belongs under tests/integration. No Exception, so that nothing tries again after it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Its fixtures too, also those of the whole session. Not their end: it may stop what other tests started."""
    with _watching():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    with _watching():
        return (yield)


@contextmanager
def _watching() -> Iterator[None]:
    global _is_watching
    _seen.clear()
    _is_watching = True
    try:
        yield
    finally:
        _is_watching = False
    if _seen:
        raise NotInAUnitTest("; ".join(_seen))


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not _is_watching:
        return
    if event in _STARTS:
        _refuse(event)
    elif event in _CONNECTS and getattr(arguments[0], "family", None) in (socket.AF_INET, socket.AF_INET6):
        _refuse(f"{event} {arguments[1]!r}")


def _refuse(what: str) -> None:
    _seen.append(what)
    raise NotInAUnitTest(what)


def _start_unless_watched(process: multiprocessing.process.BaseProcess) -> None:
    """multiprocessing's "spawn" and "forkserver" raise no audit event."""
    if _is_watching:
        _refuse(f"multiprocessing starts {process.name}")
    _start(process)


sys.addaudithook(_audit)
_start = multiprocessing.process.BaseProcess.start
multiprocessing.process.BaseProcess.start = _start_unless_watched  # type: ignore[method-assign, assignment]
