"""Aggregation of requests into counter increments: pure sums, the same in whatever order the requests come."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.usage.counters.latency_sketch import bucket
from shared.contracts.usage import RequestRecord
from shared.values.timestamps import MINUTE_US, to_microseconds

HOUR_MINUTES, DAY_MINUTES = 60, 1440
REFUSED_CLASS = 4  # 4xx: by the gate, or by what the request asked for

Place = tuple[str, int, str, int]  # owner, first minute of the step, route, status
Sums = tuple[int, int, int]  # requests, cost, size
DaySums = tuple[int, int, int, int]  # and, of the requests, those that were refused
Counts = dict[Place, Sums]
Buckets = dict[int, int]  # bucket of a duration → requests
Durations = dict[tuple[str, int], Buckets]  # owner, first minute of the step
Networks = dict[tuple[str, int, str], int]  # owner, first minute of the step, network → requests


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterSums:
    """`counts`, `networks`: by key and minute; `durations`: by key and hour; `organisations`: key → organisation.

    The sums by day and by organisation are derived from these.
    """

    counts: Counts
    durations: Durations
    organisations: Mapping[str, str]
    networks: Networks


def requests_in(record: RequestRecord) -> int:
    """How many requests the record stands for: refused ones may be counted together."""
    return record.requests


def sum_records(records: Iterable[RequestRecord]) -> CounterSums:
    """Sums of the requests that have a key; the others belong to no counter."""
    sums: dict[Place, list[int]] = {}
    durations: Durations = {}
    organisations: dict[str, str] = {}
    networks: Networks = {}
    for record in records:
        key_id = record.key_id
        if key_id is None or record.organisation_id is None:
            continue
        organisations[key_id] = record.organisation_id
        minute, requests = to_microseconds(record.at) // MINUTE_US, requests_in(record)
        place = (key_id, minute, record.route, record.status)
        found = sums.get(place)
        if found is None:
            found = sums[place] = [0, 0, 0]
        if record.network_id is not None:
            of_network = (key_id, minute, record.network_id)
            networks[of_network] = networks.get(of_network, 0) + requests
        found[0] += requests
        found[1] += record.cost
        found[2] += record.size
        hour = (key_id, minute - minute % HOUR_MINUTES)
        buckets = durations.get(hour)
        if buckets is None:
            buckets = durations[hour] = {}
        number = bucket(record.duration_us)
        buckets[number] = buckets.get(number, 0) + requests
    counts = {place: (found[0], found[1], found[2]) for place, found in sums.items()}
    return CounterSums(counts=counts, durations=durations, organisations=organisations, networks=networks)


def by_step(counts: Counts, minutes: int) -> Counts:
    """The same counts in longer steps of `minutes`, aligned to UTC days."""
    longer = (((owner, at - at % minutes, *place), sums) for (owner, at, *place), sums in counts.items())
    return _summed(longer)  # type: ignore[arg-type]  # each a Place, reassembled


def networks_by_hour(networks: Networks) -> Networks:
    summed: Networks = {}
    for (key_id, at, network_id), requests in networks.items():
        hour = (key_id, at - at % HOUR_MINUTES, network_id)
        summed[hour] = summed.get(hour, 0) + requests
    return summed


def networks_by_organisation(networks: Networks, organisations: Mapping[str, str]) -> Networks:
    summed: Networks = {}
    for (key_id, at, network_id), requests in networks.items():
        owned = (organisations[key_id], at, network_id)
        summed[owned] = summed.get(owned, 0) + requests
    return summed


def by_day(counts: Counts) -> dict[tuple[str, int], DaySums]:
    """(owner, first minute of the day) → sums over all routes and statuses."""
    summed: dict[tuple[str, int], DaySums] = defaultdict(lambda: (0, 0, 0, 0))
    for (owner, at, _, status), (requests, cost, size) in counts.items():
        day, refused = (owner, at - at % DAY_MINUTES), requests if status // 100 == REFUSED_CLASS else 0
        before = summed[day]
        summed[day] = (before[0] + requests, before[1] + cost, before[2] + size, before[3] + refused)
    return dict(summed)


def by_organisation(counts: Counts, organisations: Mapping[str, str]) -> Counts:
    owned = (((organisations[owner], *place), sums) for (owner, *place), sums in counts.items())
    return _summed(owned)  # type: ignore[arg-type]  # each a Place, reassembled


def durations_by_day(durations: Durations) -> Durations:
    summed: Durations = {}
    for (owner, hour), buckets in durations.items():
        add_buckets(summed.setdefault((owner, hour - hour % DAY_MINUTES), {}), buckets)
    return summed


def add_buckets(to: Buckets, more: Mapping[int, int]) -> None:
    for number, requests in more.items():
        to[number] = to.get(number, 0) + requests


def _summed(counts: Iterable[tuple[Place, Sums]]) -> Counts:
    summed: dict[Place, Sums] = defaultdict(lambda: (0, 0, 0))
    for place, (requests, cost, size) in counts:
        before = summed[place]
        summed[place] = (before[0] + requests, before[1] + cost, before[2] + size)
    return dict(summed)
