"""State of the system, out of what its services tell Prometheus. Pure.

The console reads what dashboards read, so that both say the same, and what one does not see the other does not either.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from services.keys.console.pages.system.histogram import Quantiles, quantiles

# Service → its exposition, in Prometheus's text format; None: it did not answer in time.
Told = Mapping[str, str | None]
Labels = Mapping[str, str]

REFUSALS_SHOWN = 8
# What must not happen, by the words that the page has for it: its metric, and which values of which label count.
FAULTS: dict[str, tuple[str, str, frozenset[str]]] = {
    "clock": ("grillo_clock_in_doubt", "", frozenset()),
    "diverged": ("grillo_log_diverged_total", "", frozenset()),
    "damaged": ("grillo_damaged_rows_total", "", frozenset()),
    "unproved": ("grillo_unproved_total", "kind", frozenset({"pull", "push", "snapshot", "head"})),
    "messages": ("grillo_messages_refused_total", "", frozenset()),
    "parked-events": ("grillo_parked_events", "", frozenset()),
    "dead-letters": ("grillo_dead_letters", "", frozenset()),
    "parked-batches": ("grillo_usage_batches_total", "outcome", frozenset({"parked", "overlapping", "foreign"})),
    "unmetered": ("grillo_meter_unmetered_total", "", frozenset()),
    "evaluations": ("grillo_usage_evaluations_failed_total", "", frozenset()),
    "sealing": ("grillo_sensors_hours_sealed_total", "outcome", frozenset({"failed"})),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSystem:
    """`measured`: asks the services. `operators`: the organisations of those who run the system."""

    measured: Callable[[], Told]
    operators: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """`fresh_seconds`: left of its stalest gate's lease; None: it has no gate. `free`: bytes left on disks, by use."""

    name: str
    is_missing: bool
    release: str
    fresh_seconds: float | None
    requests: int
    free: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState:
    """Counts are since their processes began.

    `oldest_seconds`: since the oldest request was answered that is not counted yet; None: none waits. `behind`: log or
    follower → events that it has yet to take. `deliveries`: to channels, by status. `faults`: by name, of FAULTS.
    """

    services: tuple[ServiceState, ...]
    by_class: Mapping[str, int]
    refusals: tuple[tuple[str, int], ...]
    took: Quantiles
    receipts: Quantiles
    spooled_bytes: int
    oldest_seconds: float | None
    behind: Mapping[str, int]
    deliveries: Mapping[str, int]
    faults: Mapping[str, int]

    @property
    def requests(self) -> int:
        return sum(self.by_class.values())

    @property
    def is_sound(self) -> bool:
        return not any(self.faults.values()) and not any(service.is_missing for service in self.services)


class _Samples:
    """Of all services, by the name of the sample."""

    def __init__(self, told: Told) -> None:
        self._found: defaultdict[str, list[tuple[str, Labels, float]]] = defaultdict(list)
        for service, text in told.items():
            for family in text_string_to_metric_families(text or ""):
                for sample in family.samples:
                    self._found[sample.name].append((service, sample.labels, sample.value))

    def of(self, name: str, service: str | None = None) -> Iterator[tuple[Labels, float]]:
        return ((labels, value) for whose, labels, value in self._found[name] if service in (None, whose))

    def by(self, name: str, label: str, service: str | None = None) -> dict[str, int]:
        counted: defaultdict[str, float] = defaultdict(float)
        for labels, value in self.of(name, service):
            counted[labels.get(label, "")] += value
        return {key: round(value) for key, value in counted.items()}

    def total(self, name: str, label: str = "", values: frozenset[str] = frozenset()) -> int:
        """Of some values of a label, or of all."""
        return round(sum(value for labels, value in self.of(name) if not values or labels.get(label) in values))

    def quantiles(self, name: str) -> Quantiles:
        buckets: defaultdict[float, float] = defaultdict(float)
        for labels, value in self.of(f"{name}_bucket"):
            buckets[float(labels["le"])] += value
        return quantiles(buckets)


def state_of(told: Told, now: float) -> SystemState:
    """`now`: in seconds since 1970. Raises ValueError where a text is no exposition."""
    samples = _Samples(told)
    refusals = sorted(samples.by("grillo_gate_refusals_total", "problem").items(), key=lambda one: (-one[1], one[0]))
    oldest = min((value for _, value in samples.of("grillo_meter_spool_oldest_timestamp_seconds")), default=math.inf)
    return SystemState(
        services=tuple(_service(samples, name, text, now) for name, text in told.items()),
        by_class=samples.by("grillo_requests_total", "status_class"),
        refusals=tuple((problem, count) for problem, count in refusals[:REFUSALS_SHOWN] if count),
        took=samples.quantiles("grillo_request_seconds"),
        receipts=samples.quantiles("grillo_receipt_seconds"),
        spooled_bytes=samples.total("grillo_meter_spool_bytes"),
        oldest_seconds=None if math.isinf(oldest) else max(0.0, now - oldest),
        behind=_behind(samples),
        deliveries=samples.by("grillo_usage_deliveries", "status"),
        faults={name: samples.total(*which) for name, which in FAULTS.items()},
    )


def _service(samples: _Samples, name: str, text: str | None, now: float) -> ServiceState:
    until = [value for _, value in samples.of("grillo_gate_fresh_until_timestamp_seconds", name)]
    releases = [labels["version"] for labels, _ in samples.of("grillo_build_info", name)]
    return ServiceState(
        name=name,
        is_missing=text is None,
        release=releases[0] if releases else "",
        fresh_seconds=max(0.0, min(until) - now) if until else None,
        requests=sum(samples.by("grillo_requests_total", "status_class", name).values()),
        free=samples.by("grillo_disk_free_bytes", "of", name),
    )


def _behind(samples: _Samples) -> dict[str, int]:
    """Logs' relays, then who follows the log of keys. What a service that is missing would tell is left out."""
    ends = samples.by("grillo_log_position", "log")
    taken = samples.by("grillo_relay_position", "log")
    found = {log: max(0, end - taken[log]) for log, end in ends.items() if log in taken}
    if "keys" in ends:
        followed = samples.by("grillo_follower_position", "follower")
        found |= {follower: max(0, ends["keys"] - position) for follower, position in followed.items()}
    return found
