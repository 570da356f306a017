"""Public messages of metering and usage: RequestMetered from gates; BatchesCounted, KeyUsed and alerts from usage."""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

METERED_VERSION = 1


class RequestRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One answered request. Travels and is spooled as a JSON array: fields are only ever added at the end.

    `key_id` and `organisation_id` are None when no key was recognised. `cost`: what it took of the quota.
    `duration_us`: microseconds from the gate to the answer; `size`: bytes of the answer's body.

    `requests`: how many it stands for. More than one only of refusals, of one key or address within a second:
    id and time are then the first one's, `status` is the most frequent, `duration_us` their mean and `size` their sum;
    `method` and `route` are `*`, `address` and `user_agent` empty, where they were not the same throughout.

    `problem`: the name of the problem that was the answer, if it was one.
    """

    request_id: str
    at: datetime
    key_id: str | None
    organisation_id: str | None
    method: str
    route: str
    status: int
    cost: int
    duration_us: int
    size: int
    address: str
    user_agent: str
    requests: int = 1
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetered:
    """A batch: the records between two offsets of one spool segment. (segment, start) is its identity for ever.

    `schema_version`: of the records; a reader that does not know it must not guess.
    """

    segment: str
    start: int
    end: int
    records: tuple[RequestRecord, ...]
    schema_version: int = METERED_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesCounted:
    """These batches are in usage's database: whoever spooled them may forget them."""

    batches: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedAt:
    """Where a key was used last: the caller's address and the route it asked for."""

    address: str
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsed:
    """The last use of each key that was used of late. Last value only: a lost one is made up by the next."""

    last_used: dict[str, datetime]
    used_at: dict[str, UsedAt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """A rule was met. What met it is with usage, under the alert's id. At least once; `muted`: no channel is told."""

    alert_id: str
    rule_id: str
    kind: str
    organisation_id: str
    key_id: str
    raised_at: datetime
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """What was raised is over."""

    alert_id: str
    rule_id: str
    kind: str
    organisation_id: str
    key_id: str
    raised_at: datetime
    resolved_at: datetime
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a key has spent, for a gate that starts: today's count, and how long ago the last minute's calls were."""

    key_id: str
    today: int
    seconds_ago: tuple[float, ...]
