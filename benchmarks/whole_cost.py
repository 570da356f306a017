"""What a metered request costs the whole system: processor time of every process but the caller's, at steady rates.

`python -m benchmarks.whole_cost [embedded] [services]`, each less than three minutes; both by default. `services`: all
of docker-compose.yml on private servers. Six hundred keys ask at one door (forward authorization). Idle first:
processor time a second, and memory. Random arrivals; answers that are late or refused are told. Processor time moves
less than a clock's where a machine is shared; compare within one run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.loads.paced import PacedLoad, Told
from benchmarks.loads.whole_system import DOOR, GROUPS, Processes, await_admission, embedded, made_keys, services
from benchmarks.loads.wrk import write_headers

PARTS = ("embedded", "services")
SETTLE_SECONDS, WARM_UP_SECONDS, MEASURED_SECONDS = 5.0, 4.0, 15.0
IDLE_SECONDS = 60.0  # PostgreSQL looks once a minute what is to be vacuumed
RATES = {"embedded": (100, 500), "services": (500, 2_000, 5_000)}
TARGETS_US = {500: 500.0, 2_000: 250.0, 5_000: 150.0}  # of the services together
_LATE_MS = 100.0


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.whole_cost")
    asked.add_argument("parts", nargs="*", choices=(*PARTS, []), help="both, if none is named")
    for part in asked.parse_args().parts or PARTS:
        with tempfile.TemporaryDirectory() as name, ExitStack() as each:
            running, address = (embedded if part == "embedded" else services)(Path(name), each)
            _measure(part, made_keys(running), address + DOOR, Path(name) / "headers")


def _measure(part: str, keys: list[str], door: str, headers: Path) -> None:
    write_headers(headers, (f"Bearer {key}" for key in keys))
    processes = Processes()
    time.sleep(SETTLE_SECONDS)
    idle, _ = _spent(processes, lambda: time.sleep(IDLE_SECONDS))
    print(f"\n{part}: idle", flush=True)
    _show("ms a second", {group: spent * 1000 / IDLE_SECONDS for group, spent in idle.items()})
    _show("MB", processes.megabytes())
    await_admission(door, keys[-1])
    print(f"{part}: µs a request")
    for rate in RATES[part]:
        load = PacedLoad(headers, rate, WARM_UP_SECONDS + MEASURED_SECONDS + 1, [door])
        time.sleep(WARM_UP_SECONDS)
        spent, took = _spent(processes, lambda: time.sleep(MEASURED_SECONDS))
        told = load.told()
        requests = told.per_second * took
        cost = {group: seconds * 1e6 / requests for group, seconds in spent.items()}
        _show(f"{rate:,}/s", cost, _verdict(part, rate, sum(cost.values())) + _trouble(told))


def _spent(processes: Processes, pass_time: Callable[[], None]) -> tuple[dict[str, float], float]:
    began, before = time.perf_counter(), processes.seconds()
    pass_time()
    took, after = time.perf_counter() - began, processes.seconds()
    return {group: after[group] - before[group] for group in after}, took


def _show(what: str, of: Mapping[str, float], more: str = "") -> None:
    parts = "   ".join(f"{group} {of[group]:,.0f}" for group, _ in GROUPS if group in of)
    print(f"  {what:12} all {sum(of.values()):6,.0f}   {parts}{more}", flush=True)


def _verdict(part: str, rate: int, cost: float) -> str:
    target = TARGETS_US.get(rate)
    if part != "services" or target is None:
        return ""
    return f"   target {target:g}: {'met' if cost <= target else 'missed'}"


def _trouble(told: Told) -> str:
    trouble = [f"{told.failed} refused"] if told.failed else []
    trouble += [f"{told.unsent} unsent"] if told.unsent else []
    trouble += [f"p99 {told.p99_ms:.0f} ms"] if told.p99_ms > _LATE_MS else []
    return f"   ({', '.join(trouble)})" if trouble else ""


if __name__ == "__main__":
    main()
