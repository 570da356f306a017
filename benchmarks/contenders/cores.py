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
    for pid in family(os.getpid()):
        for task in _tasks(pid):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(task, OTHERS)


def onto_the_measured() -> None:
    """In a process that is about to become a server."""
    os.sched_setaffinity(0, MEASURED)


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
