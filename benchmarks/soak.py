"""Whether anything grows while the whole system runs at half load: `python -m benchmarks.soak [--minutes 20]`.

All of docker-compose.yml on private servers, and Prometheus beside it at its own intervals; six hundred keys ask at
auth's gate (forward authorization) RATE times a second. Each minute: memory of each group of processes (PSS), open
files, and files of metrics and of the spool with their megabytes. What the last third holds beside the third before it
is the verdict. Told but not judged are PostgreSQL's memory and files, which are caches whose bounds are settings,
Prometheus's, which keeps what it scraped, and the megabytes that wait in spools for usage's next word.
Last, what being watched takes, in parts of one core: of Prometheus with its rules, and of each service for scrapes.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.loads.paced import PacedLoad
from benchmarks.loads.whole_system import (
    DOOR,
    GROUPS,
    ByGroup,
    Processes,
    await_admission,
    made_keys,
    processor_seconds,
    services,
)
from benchmarks.loads.wrk import write_headers
from tests.prometheus import Prometheus
from tests.stack import Stack

RATE, MINUTES = 1_000, 20
SCRAPES, SCRAPE_SECONDS = 50, 5
GROWTH_MAX = 0.05
_NOT_JUDGED = {"PostgreSQL MB", "PostgreSQL files", "Prometheus MB", "Prometheus files", "spool MB"}
_METRICS_OF = "PROMETHEUS_MULTIPROC_DIR="


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    asked.add_argument("--minutes", type=int, default=MINUTES)
    minutes = asked.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, ExitStack() as each:
        running, address = services(Path(name), each)
        each.enter_context(closing(Prometheus(Path(name), running.stack, every_seconds=None)))
        keys, door = made_keys(running), address + DOOR
        await_admission(door, keys[-1])
        processes = Processes()
        headers = write_headers(Path(name) / "headers", (f"Bearer {key}" for key in keys))
        load = PacedLoad(headers, RATE, minutes * 60.0 + 5, [door])
        began, spent = time.monotonic(), processes.seconds()
        seen = []
        for minute in range(1, minutes + 1):
            time.sleep(max(0.0, began + minute * 60 - time.monotonic()))
            seen.append(_held(Processes(), running.stack))
            print(f"{minute:3}  " + "   ".join(f"{what} {held:,.0f}" for what, held in seen[-1].items()), flush=True)
        whole, seconds = Processes().seconds(), time.monotonic() - began
        told = load.told()
        print(f"{told.per_second:,.0f}/s, {told.failed} refused, {told.unsent} unsent, p99 {told.p99_ms:.0f} ms")
        _judge(seen)
        ours = [pid for pid, group in processes.group_of.items() if group != "PostgreSQL"]
        print(f"processes that ended: {sum(not Path(f'/proc/{pid}').exists() for pid in ours)}")
        _tell_watching(spent, whole, seconds)
        _tell_scrapes(running.stack)


def _held(processes: Processes, stack: Stack) -> dict[str, float]:
    megabytes, files = processes.megabytes(), processes.open_files()
    groups = [group for group, _ in GROUPS if group in megabytes]
    held = {f"{group} MB": megabytes[group] for group in groups} | {f"{group} files": files[group] for group in groups}
    for what, folders in (("metrics", _metric_folders(processes)), ("spool", stack.folder.glob("*-spool"))):
        sizes = [size for folder in folders for size in _sizes(folder)]
        held[f"{what} files"], held[f"{what} MB"] = len(sizes), sum(sizes) / 1e6
    return held


def _metric_folders(processes: Processes) -> list[Path]:
    """Each once, as one of the processes that share it sees it: /tmp is a container's own."""
    found = {}
    for pid in processes.group_of:
        try:
            told = Path(f"/proc/{pid}/environ").read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for name in (entry.removeprefix(_METRICS_OF) for entry in told if entry.startswith(_METRICS_OF)):
            found[name] = Path(f"/proc/{pid}/root{name}")
    return list(found.values())


def _sizes(folder: Path) -> list[int]:
    """Of its files; those that go meanwhile are none."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes += [path.stat().st_size] if path.is_file() else []
        except FileNotFoundError:
            continue
    return sizes


def _tell_watching(before: ByGroup, after: ByGroup, seconds: float) -> None:
    for group in ("Prometheus", "the gate's web"):
        print(f"{group:22} {(after[group] - before[group]) / seconds:6.2%} of a core")


def _tell_scrapes(stack: Stack) -> None:
    """By more of them, one after another, than Prometheus asks for: a door answers pulls of the log beside."""
    for service in stack.services:
        door = [pid for role, pid in stack.pids() if role == f"{service}: services.distributed.web {service} internal"]
        before = sum(map(processor_seconds, door))
        for _ in range(SCRAPES):
            stack.metrics(service)
        each = (sum(map(processor_seconds, door)) - before) / SCRAPES
        share = each / SCRAPE_SECONDS
        print(f"a scrape of {service:10} {each * 1000:6.1f} ms: each {SCRAPE_SECONDS} s, {share:.2%} of a core")


def _judge(seen: Sequence[Mapping[str, float]]) -> None:
    third = max(1, len(seen) // 3)
    for what in seen[-1]:
        before = statistics.mean(one[what] for one in seen[-2 * third : -third] or seen[:1])
        after = statistics.mean(one[what] for one in seen[-third:])
        growth = (after - before) / before if before else float(after > 0)
        print(f"{what:22} {before:9,.1f} → {after:9,.1f}  {growth:+6.1%}  {_verdict(what, growth)}")


def _verdict(what: str, growth: float) -> str:
    if what in _NOT_JUDGED:
        return "not judged"
    return "flat" if growth <= GROWTH_MAX else "grows"


if __name__ == "__main__":
    main()
