"""What the gate adds to a request's time at half of its capacity: gated against plain, at the same offered rate.

The capacity is measured first, by wrk. Then requests come at random moments, half as many a second, to one and to the
other in turn. The generator's own lateness is told apart: where it is large, its reading is late, too.
"""

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import cores
from benchmarks.contenders.answer import PATH
from benchmarks.contenders.gated import surroundings
from benchmarks.contenders.grants import add_grants
from benchmarks.contenders.plain import plain
from benchmarks.loads.paced import PacedLoad, Told
from benchmarks.loads.wrk import run_wrk, write_headers

KEYS, ROUNDS, SECONDS = 50_000, 5, 6
CAPACITY_SECONDS = 5
TARGETS_MS = {"p50_ms": 0.1, "p99_ms": 1.0}


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        around = closing.enter_context(surroundings(folder))
        cores.keep_off_the_measured()
        secrets = add_grants(around.databases["auth"], "org_benchmark", "standard", KEYS)
        headers = write_headers(folder / "headers", (f"Bearer {secret}" for secret in secrets))
        servers = [closing.enter_context(server) for server in (plain(folder), around.gate("gated"))]
        for server in servers:
            told, _ = run_wrk(server.url + PATH, headers, CAPACITY_SECONDS)
        half = told.per_second / 2  # of the last, the gated one
        print(f"gated capacity {told.per_second:,.0f}/s; offered {half:,.0f}/s")
        rounds = [
            {server.name: PacedLoad(headers, half, SECONDS, [server.url + PATH]).told() for server in servers}
            for _ in range(ROUNDS)
        ]
    for name in rounds[0]:
        _show(name, [told[name] for told in rounds])
    for quantile, target in TARGETS_MS.items():
        added = sorted(getattr(told["gated"], quantile) - getattr(told["plain"], quantile) for told in rounds)
        median = statistics.median(added)
        verdict = "met" if median < target else "missed"
        print(
            f"added {quantile[:3]}: {median:.3f} ms ({added[0]:.3f} to {added[-1]:.3f}); target {target} ms: {verdict}"
        )


def _show(name: str, told: list[Told]) -> None:
    def median(field: str) -> float:
        values: list[float] = [getattr(each, field) for each in told]
        return statistics.median(values)

    failed, unsent = sum(each.failed for each in told), sum(each.unsent for each in told)
    late = f"sent late by p50 {median('late_p50_ms'):.3f} ms, p99 {median('late_p99_ms'):.3f} ms"
    took = f"p50 {median('p50_ms'):.3f} ms, p99 {median('p99_ms'):.3f} ms"
    print(f"{name:8} {median('per_second'):8,.0f}/s, {took}; {late}; {failed} refused, {unsent} unsent")


if __name__ == "__main__":
    main()
