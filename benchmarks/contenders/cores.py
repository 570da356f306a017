"""Who runs on which core: what is measured has the first to itself, callers and surroundings share the others."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_ALL = sorted(os.sched_getaffinity(0))
MEASURED = {_ALL[0]}
OTHERS = set(_ALL[1:]) or MEASURED


def keep_off_the_measured() -> None:
    """This process, all that it has started, and whatever it starts from now on."""
    _put(os.getpid(), OTHERS)


def onto_the_measured(pid: int) -> None:
    """A server, with all that it has started and will start."""
    _put(pid, MEASURED)


def _put(pid: int, where: set[int]) -> None:
    for member in family(pid):
        for task in _tasks(member):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(task, where)


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for task in _tasks(pid):
        for child in _read(f"{pid}/task/{task}/children").split():
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """Spent so far by a process and all that descend from it."""
    ticks = 0
    for member in family(pid):
        _, _, fields = _read(f"{member}/stat").rpartition(")")
        ticks += sum(int(field) for field in fields.split()[11:13])  # utime and stime, of proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Of the largest in the family: the worker; beside it there is only what started it."""
    pages = [int((_read(f"{member}/statm").split() or ["0", "0"])[1]) for member in family(pid)]
    return max(pages) * os.sysconf("SC_PAGE_SIZE")


def _tasks(pid: int) -> list[int]:
    try:
        return [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return []  # it has ended


def _read(name: str) -> str:
    try:
        return Path(f"/proc/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
