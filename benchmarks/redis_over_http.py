"""The gate counting on Redis and in memory, over HTTP: a hundred hot keys, and every request another of 50,000 keys.

In memory is what a gate does without REDIS_URL: it takes its share of the limits. The hot keys have limits that no load
here reaches, for a real tier's would be used up in a second; the others have the standard tier's. Redis is on the core
of the callers. Before the rounds each of the 50,000 is seen once: that first request asks Redis, and is told apart.
"""

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import cores
from benchmarks.contenders.answer import PATH
from benchmarks.contenders.gated import surroundings
from benchmarks.contenders.grants import add_grants
from benchmarks.contenders.wide_auth import WIDE
from benchmarks.loads.rounds import Contender, compare, run_rounds, show
from benchmarks.loads.wrk import run_wrk, write_headers

KEYS, HOT_KEYS, ROUNDS, SECONDS = 50_000, 100, 5, 5
FIRST_SECONDS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        around = closing.enter_context(surroundings(folder))
        cores.keep_off_the_measured()
        database_url = around.databases["auth"]
        secrets = {
            "100 hot keys": add_grants(database_url, "org_hot", WIDE, HOT_KEYS),
            "each another's": add_grants(database_url, "org_benchmark", "standard", KEYS),
        }
        auth = closing.enter_context(around.wide_auth())
        gates = {
            where: closing.enter_context(around.gate(where, on_redis=where == "Redis", auth_internal_url=auth.url))
            for where in ("memory", "Redis")
        }
        contenders = []
        for load, known in secrets.items():
            headers = write_headers(folder / load, (f"Bearer {secret}" for secret in known))
            contenders += [
                Contender(name=f"{where}, {load}", server=gate, url=gate.url + PATH, headers=headers)
                for where, gate in gates.items()
            ]
        first = _see_each_once(gates["Redis"].url + PATH, headers)
        print(f"Redis, first request of each key: {first:,.0f}/s")
        figures = run_rounds(contenders, rounds=ROUNDS, seconds=SECONDS)
    show(figures)
    compare(figures, "Redis, 100 hot keys", "memory, 100 hot keys", 0.8)
    compare(figures, "Redis, each another's", "memory, each another's", 0.25)


def _see_each_once(url: str, headers: Path) -> float:
    """Requests a second, for as long as each is the first of its key."""
    seen, rates = 0, []
    while seen < KEYS:
        told, _ = run_wrk(url, headers, FIRST_SECONDS, begin=seen)
        seen += told.requests
        rates.append(told.per_second)
    # The last of them may have begun anew.
    return statistics.median(rates[:-1] or rates)


if __name__ == "__main__":
    main()
