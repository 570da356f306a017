"""Summary of requests counted: totals, series, quantiles, routes and networks, added up part by part."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from services.usage.counters import latency_sketch
from services.usage.counters.aggregation import add_buckets
from services.usage.counters.counters import CounterTables, StepTables, sum_of
from services.usage.counters.durations import buckets_of
from shared.values.timestamps import MINUTE_US, from_microseconds

NETWORKS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`by_status`: status code → requests."""

    start: datetime
    requests: int
    by_status: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationsMs:
    """Quantiles of latency in milliseconds, over the whole hours that the range touches. None: no requests."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`by_class`: 2xx, 4xx … → requests. `bytes`: of the answers' bodies. `routes`: route → requests.

    `networks`: network → requests about it; those with most.
    """

    total: int
    bytes: int
    by_class: dict[str, int]
    duration_ms: DurationsMs
    series: tuple[Bucket, ...]
    routes: dict[str, int]
    networks: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Sums:
    """What becomes a summary. Parts are added in the order of their time, and share no step."""

    series: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    by_class: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    durations: dict[int, int] = field(default_factory=dict)
    size: int = 0

    def add(self, tx: Connection, owned: CounterTables, owner: str, first: int, last: int, step: int) -> int:
        """Adds the minutes [first, last). Answers how many rows were read."""
        counter = owned.within(tx, owner, first, last, step)
        bucket = (counter.c.minute - counter.c.minute % step).label("bucket")
        by_status = select(bucket, counter.c.status, sum_of(counter.c.requests))
        totals = select(
            counter.c.route, counter.c.status, sum_of(counter.c.requests), sum_of(counter.c.size), func.count()
        )
        rows = 0
        for at, status, requests in tx.execute(by_status.group_by(bucket, counter.c.status).order_by(bucket)):
            self.series[at][str(status)] = requests
        for route, status, requests, size, read in tx.execute(totals.group_by(counter.c.route, counter.c.status)):
            self.by_class[f"{status // 100}xx"] += requests
            self.routes[route] += requests
            self.size += size
            rows += read
        add_buckets(self.durations, buckets_of(tx, owned, owner, first, last))
        self.networks.update(_by_network(tx, owned.networks, owner, first, last, step))
        return rows

    def summary(self) -> Summary:
        return Summary(
            total=self.routes.total(),
            bytes=self.size,
            by_class=dict(self.by_class),
            duration_ms=DurationsMs(
                p50=latency_sketch.quantile_ms(self.durations, 0.5),
                p95=latency_sketch.quantile_ms(self.durations, 0.95),
                p99=latency_sketch.quantile_ms(self.durations, 0.99),
            ),
            series=tuple(
                Bucket(start=from_microseconds(minute * MINUTE_US), requests=sum(statuses.values()), by_status=statuses)
                for minute, statuses in self.series.items()
            ),
            routes=dict(self.routes),
            networks=dict(sorted(self.networks.items(), key=lambda one: (-one[1], one[0]))[:NETWORKS_MAX]),
        )


def _by_network(tx: Connection, owned: StepTables, owner: str, first: int, last: int, step: int) -> dict[str, int]:
    """Network → requests in the minutes [first, last), of those whose answers were about one network."""
    counter = owned.within(tx, owner, first, last, step).c
    query = select(counter.network_id, sum_of(counter.requests)).group_by(counter.network_id)
    return {row[0]: row[1] for row in tx.execute(query)}
