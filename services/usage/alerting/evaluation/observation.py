"""A batch as the rules look at it: per key and minute, what was counted and which requests stand out. Pure.

It is written down beside the counters and evaluated soon after, so that taking in waits for no rule.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from shared.contracts.usage import RequestRecord
from shared.values.timestamps import MINUTE_US, to_microseconds

SOURCES_MAX = 20
_FAILED, _UNAUTHORIZED = 400, 401


class ObservedRequest(msgspec.Struct, frozen=True, array_like=True):
    """One request that stands out."""

    at: datetime
    request_id: str
    route: str
    address: str
    user_agent: str


class Observation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One key in one minute. `last_at`: microseconds. `failed`: answered 400 or more.

    `dead`: the first request that its gate refused although it held the key's right secret (401). `sources`: the first
    admitted request from each address and of each user agent; SOURCES_MAX of them at most.
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
    """Keys warns of a key's expiry; `reason`: time or unused."""

    key_id: str
    organisation_id: str
    warned_at: datetime
    expires_at: datetime
    days_left: int
    reason: str


class ExpiryCleared(msgspec.Struct, frozen=True, tag="settled", kw_only=True):
    """What was said of the key's expiry is no longer so, or came true: it was changed, renewed, or has ended."""

    key_id: str
    at: datetime


class ObservedBatch(msgspec.Struct, frozen=True, tag="batch", kw_only=True):
    observations: tuple[Observation, ...] = msgspec.field(name="sightings")  # as rows that wait are stored


# What waits for evaluation, as it is stored.
QueuedItem = ObservedBatch | ExpiryWarning | ExpiryCleared


class _Tally:
    __slots__ = ("cost", "dead", "failed", "last_at", "organisation_id", "requests", "sources")

    def __init__(self, organisation_id: str) -> None:
        self.organisation_id = organisation_id
        self.requests = self.cost = self.failed = self.last_at = 0
        self.dead: RequestRecord | None = None
        self.sources: dict[tuple[str, str], RequestRecord] = {}


def observations(records: Iterable[RequestRecord]) -> tuple[Observation, ...]:
    """Of the requests with a key that was recognised, in whatever order they come."""
    tallies: dict[tuple[str, int], _Tally] = {}
    for record in records:
        if record.key_id is None:
            continue
        at = to_microseconds(record.at)
        place = (record.key_id, at // MINUTE_US)
        tally = tallies.get(place)
        if tally is None:
            tally = tallies[place] = _Tally(record.organisation_id or "")
        tally.requests += record.requests
        tally.cost += record.cost
        tally.last_at = max(tally.last_at, at)
        if record.status >= _FAILED:
            tally.failed += record.requests
            if record.status == _UNAUTHORIZED and (tally.dead is None or record.at < tally.dead.at):
                tally.dead = record
        if record.cost:
            _note_source(tally.sources, record)
    return tuple(_observation(place, tally) for place, tally in tallies.items())


def merged(all_of: Iterable[Observation]) -> tuple[Observation, ...]:
    """One for each key and minute; the order of what is merged does not matter."""
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


def _observation(place: tuple[str, int], tally: _Tally) -> Observation:
    return Observation(
        key_id=place[0],
        organisation_id=tally.organisation_id,
        minute=place[1],
        last_at=tally.last_at,
        requests=tally.requests,
        cost=tally.cost,
        failed=tally.failed,
        dead=None if tally.dead is None else _seen(tally.dead),
        sources=tuple(map(_seen, tally.sources.values())),
    )


def _seen(record: RequestRecord) -> ObservedRequest:
    return ObservedRequest(record.at, record.request_id, record.route, record.address, record.user_agent)


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
