"""Work that is killed between any two of its steps: SIGKILL right after each of its writes to a database."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.children import fork, wait

_WRITES = ("INSERT", "UPDATE", "DELETE")
_STEPS_MAX = 500


class Steps:
    """Of this process, which is killed once it has passed so many."""

    def __init__(self, last: int) -> None:
        self._left = last
        event.listen(Engine, "after_cursor_execute", self._executed)

    def passed(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(_WRITES):
            self.passed()


def at_each_step(folder: Path, copies: Path, work: Callable[[Path, Steps], object]) -> list[Path]:
    """Copies of a folder, one for each step of the work, which was killed there; and last one in which it was done.

    No database of the folder may be open. Steps are writes to databases, and what the work says is one.
    """
    found: list[Path] = []
    for number in range(1, _STEPS_MAX):
        found.append(copies / str(number))
        shutil.copytree(folder, found[-1])
        ended = wait(fork(partial(_work, work, found[-1], number)))
        if ended == 0:
            return found
        assert ended == -signal.SIGKILL
    raise AssertionError(f"not done after {_STEPS_MAX} steps")


def _work(work: Callable[[Path, Steps], object], folder: Path, last: int) -> None:
    work(folder, Steps(last))


def content(database: Path) -> list[str]:
    """All that a SQLite file holds, as statements."""
    connection = sqlite3.connect(database)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
