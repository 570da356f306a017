"""Process supervisor: starts a service's processes, restarts those that crash with growing delay, ends all on SIGTERM.

One container a service: when a process keeps crashing the supervisor ends, so that the orchestrator sees it.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

import structlog

from services.distributed.lifeline import end_with

RESTART_SECONDS_FIRST = 0.5
RESTART_SECONDS_MAX = 10.0
CRASHES_MAX = 6
STEADY_SECONDS = 30.0
STOP_SECONDS_MAX = 20.0
_SIGNALS_MAX = 4096
CONSOLE = "console"  # of keys alone, and only where it is asked for: pages never hold the API's threads
PROCESSES = ("internal", "worker", "public", CONSOLE)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Child:
    """One process, through all its lives. `crashes`: in a row, without a steady life between."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    crashes: int = 0


@dataclass(slots=True)
class Supervisor:
    commands: Sequence[Sequence[str]]
    _stopping: bool = field(default=False, init=False)

    def run(self) -> int:
        """Until SIGTERM or SIGINT (0), or until a process keeps crashing (1)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        children = [_Child(command) for command in self.commands]
        with _woken_by_signals() as woken:
            while not self._stopping and not _is_hopeless(children):
                for child in children:
                    self._tend(child)
                woken(_seconds_to_next_start(children))
        _end(children)
        return 1 if _is_hopeless(children) else 0

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.process, child.started_at = _start(child.command), now
            return
        status = child.process.poll()
        if status is None:
            return
        child.crashes = 1 if now - child.started_at >= STEADY_SECONDS else child.crashes + 1
        wait_seconds = min(RESTART_SECONDS_FIRST * 2 ** (child.crashes - 1), RESTART_SECONDS_MAX)
        child.process, child.start_at = None, now + wait_seconds
        _log.error("process_ended", command=child.command[2:], status=status, again_in_seconds=wait_seconds)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _is_hopeless(children: Sequence[_Child]) -> bool:
    return any(child.crashes >= CRASHES_MAX for child in children)


def _seconds_to_next_start(children: Sequence[_Child]) -> float | None:
    """None: all have been started."""
    due = [child.start_at for child in children if child.process is None]
    return max(0.0, min(due) - time.monotonic()) if due else None


@contextmanager
def _woken_by_signals() -> Iterator[Callable[[float | None], None]]:
    """A wait that ends with the end of a child, with any signal handled here, or after so many seconds; also with what
    came just before it.
    """
    woken, waker = socket.socketpair()
    with woken, waker:
        waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # ignored by default, which wakes nobody
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

        def wait(seconds_max: float | None) -> None:
            if select.select([woken], (), (), seconds_max)[0]:
                woken.recv(_SIGNALS_MAX)

        try:
            yield wait
        finally:
            signal.set_wakeup_fd(before)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # Between fork and exec: safe, for this process has a single thread.
    end_with_us = partial(end_with, os.getpid())
    return subprocess.Popen(command, preexec_fn=end_with_us)  # noqa: S603  our own commands


def service_commands(service: str, only: str | None = None) -> list[list[str]]:
    """The internal door first: the others ask it. `only`: one of PROCESSES."""
    python = [sys.executable, "-m"]
    commands = {
        "internal": [*python, "services.distributed.web", service, "internal"],
        "worker": [*python, "services.distributed.worker", service],
        "public": [*python, "services.distributed.web", service, "public"],
        CONSOLE: [*python, "services.distributed.web", service, CONSOLE],
    }
    return [commands[name] for name in PROCESSES if name == only or (only is None and name != CONSOLE)]


def _end(children: Sequence[_Child]) -> None:
    """The last one first: a public door drains while its worker answers, and both while the internal door does."""
    deadline = time.monotonic() + STOP_SECONDS_MAX
    for process in [child.process for child in reversed(children) if child.process is not None]:
        process.terminate()
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
