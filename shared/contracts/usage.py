"""Public messages of metering and usage: RequestMetered from gates; BatchesCounted, KeyUsed and alerts from usage."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec

METERED_VERSION = 1
SECRET_CHARACTERS = 16  # of a secret's digest: enough to tell a key's secrets apart, and none can be found by it
# The most that a record says, which usage holds gates to, so that no sum of many is beyond a BIGINT: a body is whole in
# its gate's memory, or counts 0, and no process answers one request for a year.
SIZE_MAX, DURATION_US_MAX = 2**30, 2**45


class RequestRecord(msgspec.Struct, frozen=True, array_like=True):
    """One answered request. Travels and is spooled as a JSON array: fields are only ever added at the end.

    `key_id` and `organisation_id` are None when no key was recognised. `cost`: requests charged to the quota, 0 or 1.
    `duration_us`: microseconds from the gate to the answer; `size`: bytes of the answer's body. Of one record
    DURATION_US_MAX and SIZE_MAX at most.

    `requests`: how many requests it stands for. More than one only for refusals, of one key or address in one second:
    id and time are then of the first, `status` is the most frequent, `duration_us` their mean and `size` their sum;
    `method` and `route` are `*`, `address` and `user_agent` empty, where the requests differ.

    `problem`: the name of the problem that was the answer, if it was one.

    `previous_secret`: the beginning of the digest of the secret before the newest, if an admitted request came with it.

    `secret_hint`: of the secret that it came with, if that was not the newest of its key, or is dead.

    `network_id`: the network that the answer is about, if it is about one.
    `in_query`: the secret came in the URL's query, where proxies and histories record it. Never of several requests.
    """

    request_id: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
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
    previous_secret: str | None = None
    secret_hint: str | None = None
    network_id: str | None = None
    in_query: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetered:
    """A batch: the records between two offsets of one spool segment. (segment, start) is its identity for ever.

    `end`: `start` and, for each record, its JSON's bytes and 8 more. Any other extent is refused.

    `schema_version`: of the records; a reader that does not know it must refuse the batch.
    """

    segment: str
    start: int
    end: int
    records: tuple[RequestRecord, ...]
    schema_version: int = METERED_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesCounted:
    """Acknowledgement: these batches, each (segment, start), are in usage's database; gates may delete them."""

    batches: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedAt:
    """Where a key was used last: the caller's address and the route it asked for."""

    address: str
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsed:
    """The last use of each recently used key, by key id. Last value only: the next message makes up for a lost one.

    `previous_used`: by key id, when secrets before the newest were used last, by the first characters of their digests.
    `in_query`: by key id, when its newest secret came last in a URL's query, whether or not it was let through.
    """

    last_used: dict[str, datetime]
    used_at: dict[str, UsedAt] = field(default_factory=dict)
    previous_used: dict[str, dict[str, datetime]] = field(default_factory=dict)
    in_query: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """A rule's condition was met; details are with usage under its id. At least once. `muted`: no channel is told."""

    alert_id: str
    rule_id: str
    kind: str
    organisation_id: str
    key_id: str
    raised_at: datetime
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """The condition of an alert is over. At least once."""

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
    """Requests charged to a key, for a gate that starts: today's count, and the age of each in the last minute."""

    key_id: str
    today: int
    seconds_ago: tuple[float, ...]
