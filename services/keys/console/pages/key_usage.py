"""What the details of a key show of its use: asked of the usage service, which may be away."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    start: datetime
    requests: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The last 24 hours. `hours`: those in which there was a request. `refused`: answered 4xx. `p50`…: ms, or None."""

    requests: int
    refused: int
    hours: tuple[Hour, ...]
    routes: tuple[tuple[str, int], ...]
    p50: float | None
    p95: float | None
    p99: float | None

    def each_hour(self, now: datetime) -> list[Hour]:
        """Also those without a request, the oldest first."""
        known = {hour.start: hour for hour in self.hours}
        latest = now.replace(minute=0, second=0, microsecond=0)
        starts = [latest - timedelta(hours=past) for past in range(_HOURS, -1, -1)]
        return [known.get(start) or Hour(start=start, requests=0, refused=0) for start in starts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request, or `requests` refused ones that were counted together."""

    at: datetime
    method: str
    route: str
    status: int
    address: str
    user_agent: str
    request_id: str
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDay:
    """A key's last 24 hours, the present one last. `refused`: of the requests, those refused or failed."""

    requests: tuple[int, ...]
    refused: tuple[int, ...]
    in_last_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDays:
    """`by_key`: of those that were used. `new_sources`: key → when it was last used from a source new to it."""

    by_key: Mapping[str, KeyDay]
    new_sources: Mapping[str, datetime]


class UsageAway(Exception):
    """Usage did not answer in time."""


class KeyUsage(Protocol):
    """Each answers within a second, or raises UsageAway."""

    def day(self, organisation_id: str, key_id: str, now: datetime) -> Day: ...

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        """Of at most 100 keys."""
        ...

    def requests(self, organisation_id: str, key_id: str, limit: int) -> tuple[Request, ...]: ...
