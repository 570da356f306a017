"""Contenders measured in turn, round after round, so that noise meets all of them alike; medians and ratios."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.server import Server
from benchmarks.loads.wrk import run_wrk


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """`headers`: a file of its keys' Authorization headers, one a line."""

    name: str
    server: Server
    url: str
    headers: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one round. `server_us`: CPU of the server's process a request; `server_busy`, `load_busy`: share of a core."""

    per_second: float
    server_us: float
    server_busy: float
    load_busy: float
    p50_us: int
    p99_us: int


Rounds = dict[str, list[Figures]]


def run_rounds(contenders: Sequence[Contender], *, rounds: int, seconds: int, warm_up_seconds: int = 2) -> Rounds:
    """Each round begins with another contender, and each load with a key that was not used of late."""
    for contender in contenders:
        run_wrk(contender.url, contender.headers, warm_up_seconds)
    figures: Rounds = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            figures[contender.name].append(_measure(contender, seconds, begin=number * 10_007))
    return figures


def show(figures: Rounds) -> None:
    """The table of medians."""
    print(f"{'':24}{'requests/s':>12}{'CPU µs each':>13}{'server busy':>13}{'wrk busy':>10}{'p50 ms':>9}{'p99 ms':>9}")
    for name, rounds in figures.items():
        print(
            f"{name:24}{_median(rounds, 'per_second'):12,.0f}{_median(rounds, 'server_us'):13.1f}"
            f"{_median(rounds, 'server_busy'):13.0%}{_median(rounds, 'load_busy'):10.0%}"
            f"{_median(rounds, 'p50_us') / 1000:9.2f}{_median(rounds, 'p99_us') / 1000:9.2f}"
        )


def compare(figures: Rounds, one: str, other: str, target: float | None) -> None:
    """How many times the other's requests a second, round by round; and by CPU, which neighbours disturb less.

    `target` None: there is none.
    """
    pairs = list(zip(figures[one], figures[other], strict=True))
    ratios = sorted(mine.per_second / its.per_second for mine, its in pairs)
    by_cpu = statistics.median(its.server_us / mine.server_us for mine, its in pairs)
    ratio = statistics.median(ratios)
    if target is None:
        verdict = ""
    else:
        verdict = f"; target {target}: " + ("met" if ratio >= target else f"missed by {1 - ratio / target:.0%}")
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds; by CPU {by_cpu:.2f}"
    print(f"{one} / {other}: {ratio:.2f} ({spread}){verdict}")


def _measure(contender: Contender, seconds: int, begin: int) -> Figures:
    before = contender.server.cpu_seconds()
    told, load_busy = run_wrk(contender.url, contender.headers, seconds, begin=begin)
    spent = contender.server.cpu_seconds() - before
    return Figures(
        per_second=told.per_second,
        server_us=spent / told.requests * 1e6,
        server_busy=spent / (told.microseconds / 1e6),
        load_busy=load_busy,
        p50_us=told.p50_us,
        p99_us=told.p99_us,
    )


def _median(rounds: Sequence[Figures], field: str) -> float:
    values: list[float] = [getattr(figures, field) for figures in rounds]
    return statistics.median(values)
