"""Observation: one key in one minute, as rules look at it: sums, and the requests that stand out. Pure.

Observations are queued in the transaction that counts the requests and evaluated soon after, so that counting waits for
no rule.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from shared.contracts.usage import RequestRecord
from shared.values.timestamps import MINUTE_US, to_microseconds

SOURCES_MAX = 20
_FAILED, UNAUTHORIZED = 400, 401


class ObservedRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request that stands out, with what an alert says of it."""

    at: datetime
    request_id: str
    route: str
    address: str
    user_agent: str
    problem: str | None = None
    secret_hint: str | None = None


class Observation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One key in one minute. `last_at`: the last request, in microseconds since 1970. `failed`: answered 400 or more.

    `dead`: the first request refused with 401 although it held a secret of the key's: that one was replaced, or the key
    is revoked, expired or the like. `sources`: the first admitted request of each pair of address and user agent,
    SOURCES_MAX at most.
    """

    key_id: str
    organisation_id: str
    minute: int
    last_at: int
    requests: int
    cost: int
    failed: int
    dead: ObservedRequest | None
    sources: tuple[ObservedRequest, ...]


class ExpiryWarning(msgspec.Struct, frozen=True, tag="near", kw_only=True):
    """A warning by keys that a key will expire. `days_left`: the threshold crossed; `reason`: time or unused."""

    key_id: str
    organisation_id: str
    warned_at: datetime
    expires_at: datetime
    days_left: int
    reason: str


class ExpiryCleared(msgspec.Struct, frozen=True, tag="settled", kw_only=True):
    """Earlier expiry warnings of a key no longer stand: it was changed, rotated, or has ended."""

    key_id: str
    at: datetime


class ObservedBatch(msgspec.Struct, frozen=True, tag="batch", kw_only=True):
    observations: tuple[Observation, ...] = msgspec.field(name="sightings")  # the name in stored rows


# A row of the queue, as it is stored.
QueuedItem = ObservedBatch | ExpiryWarning | ExpiryCleared


class _Sums:
    __slots__ = ("cost", "dead", "failed", "last_at", "organisation_id", "requests", "sources")

    def __init__(self, organisation_id: str) -> None:
        self.organisation_id = organisation_id
        self.requests = self.cost = self.failed = self.last_at = 0
        self.dead: RequestRecord | None = None
        self.sources: dict[tuple[str, str], RequestRecord] = {}


def observations(records: Iterable[RequestRecord]) -> tuple[Observation, ...]:
    """Observations of the requests that have a key; the order of records does not matter."""
    sums_by_place: dict[tuple[str, int], _Sums] = {}
    for record in records:
        if record.key_id is None:
            continue
        at = to_microseconds(record.at)
        place = (record.key_id, at // MINUTE_US)
        sums = sums_by_place.get(place)
        if sums is None:
            sums = sums_by_place[place] = _Sums(record.organisation_id or "")
        sums.requests += record.requests
        sums.cost += record.cost
        sums.last_at = max(sums.last_at, at)
        if record.status >= _FAILED:
            if record.status != UNAUTHORIZED:
                sums.failed += record.requests
            elif sums.dead is None or record.at < sums.dead.at:
                sums.dead = record
        if record.cost:
            _note_source(sums.sources, record)
    return tuple(_observation(place, sums) for place, sums in sums_by_place.items())


def merged(all_of: Iterable[Observation]) -> tuple[Observation, ...]:
    """Merges observations into one for each key and minute; their order does not matter."""
    by_place: dict[tuple[str, int], Observation] = {}
    for one in all_of:
        place = (one.key_id, one.minute)
        before = by_place.get(place)
        by_place[place] = one if before is None else _both(before, one)
    return tuple(by_place.values())


def _note_source(sources: dict[tuple[str, str], RequestRecord], record: RequestRecord) -> None:
    pair = (record.address, record.user_agent)
    known = sources.get(pair)
    if known is None and len(sources) >= SOURCES_MAX:
        return
    if known is None or record.at < known.at:
        sources[pair] = record


def _observation(place: tuple[str, int], sums: _Sums) -> Observation:
    return Observation(
        key_id=place[0],
        organisation_id=sums.organisation_id,
        minute=place[1],
        last_at=sums.last_at,
        requests=sums.requests,
        cost=sums.cost,
        failed=sums.failed,
        dead=None if sums.dead is None else _seen(sums.dead),
        sources=tuple(map(_seen, sums.sources.values())),
    )


def _seen(record: RequestRecord) -> ObservedRequest:
    return ObservedRequest(
        record.at,
        record.request_id,
        record.route,
        record.address,
        record.user_agent,
        record.problem,
        record.secret_hint,
    )


def _both(one: Observation, other: Observation) -> Observation:
    dead = [seen for seen in (one.dead, other.dead) if seen is not None]
    return msgspec.structs.replace(
        one,
        last_at=max(one.last_at, other.last_at),
        requests=one.requests + other.requests,
        cost=one.cost + other.cost,
        failed=one.failed + other.failed,
        dead=min(dead, key=lambda seen: seen.at) if dead else None,
        sources=_first_of_each((*one.sources, *other.sources)),
    )


def _first_of_each(sources: Sequence[ObservedRequest]) -> tuple[ObservedRequest, ...]:
    found: dict[tuple[str, str], ObservedRequest] = {}
    for seen in sorted(sources, key=lambda seen: seen.at):
        found.setdefault((seen.address, seen.user_agent), seen)
    return tuple(found.values())[:SOURCES_MAX]
