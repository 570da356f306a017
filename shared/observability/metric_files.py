"""The folder in which a service's processes share their metrics: what it shows altogether, and the dead folded in.

A process has a file for each type of metric. Files of processes that are gone are moved into a folder `past.N`, and
added up there to one file a type: `past.N+1` is written under another name, and from its rename on it stands for
`past.N`, of which nothing is read any more. So each count is read exactly once, whatever step a kill falls into.
"""

import fcntl
import shutil
import struct
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# A process that was killed between opening its file and giving it its length leaves one that cannot be read.
_UNREADABLE = (struct.error, RuntimeError, ValueError)
_SUM = "past"


class MetricFiles(Collector):
    """Counters and histograms of all processes that there were, added up; gauges of those that live.

    Any number of threads and processes may collect: one at a time. A histogram's `_sum` may change in its last bit
    when a process's file is folded in, for floats are then added in another order; its buckets do not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        with _alone(self._folder):
            past = _past(self._folder)
            _bury(self._folder, past)
            if any(_kind_and_process(file)[1] != _SUM for file in past.iterdir()):
                past = _added_up(past)
            return _merged([*past.glob("*.db"), *self._folder.glob("*.db")])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _past(folder: Path) -> Path:
    """The newest; what a killed process left beside it is removed."""
    shutil.rmtree(folder / "making", ignore_errors=True)
    pasts = sorted(folder.glob("past.*"), key=_number)
    for older in pasts[:-1]:
        shutil.rmtree(older)
    if pasts:
        return pasts[-1]
    first = folder / "past.1"
    first.mkdir()
    return first


def _bury(folder: Path, past: Path) -> None:
    """Moves the counts of processes that are gone into the past, and removes their gauges and what cannot be read."""
    for file in folder.glob("*.db"):
        kind, process = _kind_and_process(file)
        if Path(f"/proc/{process}").exists():
            continue
        if kind == "gauge" or not _is_readable(file):
            file.unlink()
        else:  # by a name of its own: a process may get the number of one that is gone
            file.rename(past / f"{kind}_{uuid.uuid4().hex}.db")


def _added_up(past: Path) -> Path:
    """The next past, with one file a type."""
    making = past.with_name("making")
    making.mkdir()
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for file in past.iterdir():
        for key, value, *_ in MmapedDict.read_all_values_from_file(file):  # type: ignore[no-untyped-call]
            sums[_kind_and_process(file)[0]][key] += value
    for kind, values in sums.items():
        written = MmapedDict(making / f"{kind}_{_SUM}.db")  # type: ignore[no-untyped-call]
        for key, value in values.items():
            written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        written.close()  # type: ignore[no-untyped-call]
    following = making.rename(past.with_name(f"past.{_number(past) + 1}"))
    shutil.rmtree(past)
    return following


def _merged(files: Sequence[Path]) -> Iterable[Metric]:
    try:
        return _merge(files)
    except _UNREADABLE:  # of a living process: it is about to be written
        return _merge([file for file in files if _is_readable(file)])


def _is_readable(file: Path) -> bool:
    try:
        _merge([file])
    except _UNREADABLE:
        return False
    return True


def _merge(files: Sequence[Path]) -> Iterable[Metric]:
    merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return merged


def _kind_and_process(file: Path) -> tuple[str, str]:
    """Of `counter_12.db`: counter, 12; of `gauge_livesum_12.db`: gauge, 12."""
    return file.stem.partition("_")[0], file.stem.rpartition("_")[2]


def _number(past: Path) -> int:
    return int(past.suffix[1:])
