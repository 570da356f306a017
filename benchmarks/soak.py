"""Whether anything grows while the whole system runs at half load: `python -m benchmarks.soak [--minutes 20]`.

All of docker-compose.yml on private servers; six hundred keys ask at auth's gate (forward authorization) RATE times a
second. Each minute: memory of each group of processes (PSS), open files, and files of metrics and of the spool with
their megabytes. What the last third holds beside the third before it is the verdict: PostgreSQL's memory is its cache,
whose bound is a setting, and is told but not judged.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.loads.paced import PacedLoad
from benchmarks.loads.whole_system import DOOR, GROUPS, Processes, await_admission, made_keys, services
from benchmarks.loads.wrk import write_headers
from tests.stack import Stack

RATE, MINUTES = 1_000, 20
GROWTH_MAX = 0.05
_NOT_JUDGED = {"PostgreSQL"}
_METRICS_OF = "PROMETHEUS_MULTIPROC_DIR="


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    asked.add_argument("--minutes", type=int, default=MINUTES)
    minutes = asked.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, ExitStack() as each:
        running, address = services(Path(name), each)
        keys, door = made_keys(running), address + DOOR
        await_admission(door, keys[-1])
        processes = Processes()
        headers = write_headers(Path(name) / "headers", (f"Bearer {key}" for key in keys))
        load = PacedLoad(headers, RATE, minutes * 60.0 + 5, [door])
        seen = []
        for minute in range(1, minutes + 1):
            time.sleep(60)
            seen.append(_held(processes, running.stack))
            print(f"{minute:3}  " + "   ".join(f"{what} {held:,.0f}" for what, held in seen[-1].items()), flush=True)
        told = load.told()
        print(f"{told.per_second:,.0f}/s, {told.failed} refused, {told.unsent} unsent, p99 {told.p99_ms:.0f} ms")
        _judge(seen)
        ended = [pid for pid in processes.group_of if not Path(f"/proc/{pid}").exists()]
        print(f"processes that ended: {len(ended)}")


def _held(processes: Processes, stack: Stack) -> dict[str, float]:
    megabytes = processes.megabytes()
    held = {f"{group} MB": megabytes[group] for group, _ in GROUPS if group in megabytes}
    held["open files"] = processes.open_files()
    for what, folders in (("metrics", _metric_folders(processes)), ("spool", stack.folder.glob("*-spool"))):
        sizes = [size for folder in folders for size in _sizes(folder)]
        held[f"{what} files"], held[f"{what} MB"] = len(sizes), sum(sizes) / 1e6
    return held


def _metric_folders(processes: Processes) -> set[Path]:
    told = [name for pid in processes.group_of for name in Path(f"/proc/{pid}/environ").read_text().split("\0")]
    return {Path(name.removeprefix(_METRICS_OF)) for name in told if name.startswith(_METRICS_OF)}


def _sizes(folder: Path) -> list[int]:
    """Of its files; those that go meanwhile are none."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes += [path.stat().st_size] if path.is_file() else []
        except FileNotFoundError:
            continue
    return sizes


def _judge(seen: Sequence[Mapping[str, float]]) -> None:
    third = max(1, len(seen) // 3)
    for what in seen[-1]:
        before = statistics.mean(one[what] for one in seen[-2 * third : -third])
        after = statistics.mean(one[what] for one in seen[-third:])
        growth = (after - before) / before if before else 0.0
        print(f"{what:22} {before:9,.1f} → {after:9,.1f}  {growth:+6.1%}  {_verdict(what, growth)}")


def _verdict(what: str, growth: float) -> str:
    if what.removesuffix(" MB") in _NOT_JUDGED:
        return "not judged"
    return "flat" if growth <= GROWTH_MAX else "grows"


if __name__ == "__main__":
    main()
