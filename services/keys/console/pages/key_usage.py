"""What pages show of use: of a key, of all keys of an organisation, asked of the usage service, which may be away."""

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol


class Step(enum.StrEnum):
    """Width of the bars of a chart, and how long a time the chart shows."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def width(self) -> timedelta:
        return {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}[self]

    @property
    def bars(self) -> int:
        return {"minute": 60, "hour": 24, "day": 30}[self]

    def since(self, now: datetime) -> datetime:
        """Where the first bar begins; the last one is that of `now`."""
        return self.start_of(now) - (self.bars - 1) * self.width

    def start_of(self, moment: datetime) -> datetime:
        beginning = datetime.min.replace(tzinfo=UTC)
        return moment - (moment - beginning) % self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests: `refused`, answered 4xx; `failed`, answered 5xx; and the rest."""

    requests: int = 0
    refused: int = 0
    failed: int = 0

    @property
    def answered(self) -> int:
        return self.requests - self.refused - self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket(Counts):
    """The requests of one step."""

    start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Counts):
    """Requests since `step.since(now)`. `buckets`: those that have a request. `p50`…: in ms; None: not known."""

    step: Step
    buckets: tuple[Bucket, ...]
    routes: tuple[tuple[str, int], ...]
    statuses: tuple[tuple[str, int], ...] = ()
    networks: tuple[tuple[str, int], ...] = ()
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    def bars(self, now: datetime) -> list[Bucket]:
        """Each step of the chart, the oldest first, also those without a request."""
        known = {bucket.start: bucket for bucket in self.buckets}
        starts = [self.step.since(now) + number * self.step.width for number in range(self.step.bars)]
        return [known.get(start) or Bucket(start=start) for start in starts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Of a key's limits: in the last 60 s, and today (UTC). `day_exhausted_at`: when the day's will be, as it goes."""

    minute: int
    day: int
    day_exhausted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request, or `requests` refused ones that were counted together. `problem`: why it was refused.

    `secret_hint`: of the secret that it came with, if that was not the newest of its key, or is dead.
    """

    at: datetime
    method: str
    route: str
    status: int
    address: str
    user_agent: str
    request_id: str
    requests: int
    problem: str | None = None
    duration_ms: float | None = None
    secret_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an activity: either a request or, by its type and who asked for it, a change of the key."""

    at: datetime
    request: Request | None = None
    type: str = ""
    actor: str = ""
    request_id: str | None = None


# Where a page of activity ended, as usage tells it.
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Conditions of an activity, all of which hold. `status`: such as 429 or 4xx. Times are in [start, end).

    `only_requests`: no changes of the key.
    """

    status: str = ""
    route: str = ""
    address: str = ""
    request_id: str = ""
    secret_hint: str = ""
    start: datetime | None = None
    end: datetime | None = None
    only_requests: bool = False

    @property
    def is_all(self) -> bool:
        return self == ALL


ALL, REQUESTS = Wanted(), Wanted(only_requests=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPage:
    """Newest first. `next`: None on the last page."""

    entries: tuple[Entry, ...]
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationUse:
    """`keys`, `refused_keys`: (id, hint, requests) of those with the most, a hundred at most; deleted ones left out."""

    whole: Use
    keys: tuple[tuple[str, str, int], ...]
    refused_keys: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where an organisation is told of its keys. `hears_of_ends`: of revocations. `is_disabled`: of nothing."""

    name: str
    kind: str
    hears_of_ends: bool
    is_disabled: bool


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
    """Each answers within a second, or raises UsageAway; a file, for each of its parts."""

    def use(self, organisation_id: str, key_id: str, step: Step, now: datetime) -> Use: ...

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        """Of at most 100 keys."""
        ...

    def spent(self, organisation_id: str, key_id: str, day_limit: int | None) -> Spent: ...

    def activity(
        self, organisation_id: str, key_id: str, limit: int, wanted: Wanted = ALL, after: Place | None = None
    ) -> ActivityPage: ...

    def activity_file(self, organisation_id: str, key_id: str, wanted: Wanted = ALL) -> Iterator[str]:
        """CSV. The first part is there when it returns."""
        ...

    def of_organisation(self, organisation_id: str, step: Step, now: datetime) -> OrganisationUse: ...

    def channels(self, organisation_id: str) -> tuple[Channel, ...]: ...


def by_outcome(by_status: Mapping[str, int]) -> dict[str, Any]:
    """As Counts takes them. `by_status`: a status, or its class, → requests."""
    return {
        "requests": sum(by_status.values()),
        "refused": sum(count for status, count in by_status.items() if status[:1] == "4"),
        "failed": sum(count for status, count in by_status.items() if status[:1] == "5"),
    }
