"""Usage of keys, asked of the usage service over RPC."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec

from services.keys.console.pages.key_usage import (
    ALL,
    ActivityPage,
    Bucket,
    Channel,
    Entry,
    KeyDay,
    KeyDays,
    OrganisationUse,
    Place,
    Request,
    Spent,
    Step,
    UsageAway,
    Use,
    Wanted,
    by_outcome,
)
from shared.contracts.errors import ServiceError
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import Calls
from shared.values.timestamps import rfc3339

SECONDS_MAX = 1.0
FILE_PARTS_MAX = 200
_REVOKED = "KeyRevoked"
_TEXTS = ("status", "route", "address", "request_id", "secret_hint")


class _Bucket(msgspec.Struct):
    start: datetime
    requests: int
    by_status: dict[str, int]


class _Durations(msgspec.Struct):
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class _Summary(msgspec.Struct, kw_only=True):
    total: int
    by_class: dict[str, int]
    duration_ms: _Durations
    series: list[_Bucket]
    routes: dict[str, int]
    networks: dict[str, int] = {}


class _KeyDay(msgspec.Struct):
    key_id: str
    requests: tuple[int, ...]
    refused: tuple[int, ...]
    in_last_hour: int


class _LastDay(msgspec.Struct):
    keys: list[_KeyDay]
    new_sources: dict[str, datetime]


class _KeyTotal(msgspec.Struct):
    key_id: str
    hint: str
    requests: int


class _OrganisationSummary(_Summary):
    keys: list[_KeyTotal]
    refused_keys: list[_KeyTotal]


class _Spent(msgspec.Struct):
    minute: int
    day: int
    day_exhausted_at: datetime | None


class _Request(msgspec.Struct):
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


class _Happened(msgspec.Struct):
    type: str
    actor: str = ""
    request_id: str | None = None


class _Entry(msgspec.Struct):
    at: datetime
    place: Place
    request: _Request | None = None
    lifecycle: _Happened | None = None


class _FilePart(msgspec.Struct):
    text: str
    next: Place | None


class _Channel(msgspec.Struct):
    name: str
    kind: str
    events: list[str]
    disabled_at: datetime | None


class RemoteUsage:
    def __init__(self, calls: Calls) -> None:
        """`calls`: over the bus, each of SECONDS_MAX at most."""
        self._usage = calls

    def use(self, organisation_id: str, key_id: str, step: Step, now: datetime) -> Use:
        """Raises UsageAway."""
        return _use(self._ask("summary", _Summary, organisation_id, key_id, *_range(step, now)), step)

    def spent(self, organisation_id: str, key_id: str, day_limit: int | None) -> Spent:
        """Raises UsageAway."""
        spent = self._ask("used", _Spent, organisation_id, key_id, day_limit)
        return Spent(minute=spent.minute, day=spent.day, day_exhausted_at=spent.day_exhausted_at)

    def activity(
        self, organisation_id: str, key_id: str, limit: int, wanted: Wanted = ALL, after: Place | None = None
    ) -> ActivityPage:
        """Raises UsageAway."""
        arguments = (organisation_id, key_id, limit, None, _filter(wanted), after)
        entries: list[_Entry] = self._ask("activity", list[_Entry], *arguments)
        next_ = entries[-1].place if len(entries) == limit else None
        return ActivityPage(entries=tuple(map(_entry, entries)), next=next_)

    def activity_file(self, organisation_id: str, key_id: str, wanted: Wanted = ALL) -> Iterator[str]:
        """Raises UsageAway, at once for its first part; also for one of more than FILE_PARTS_MAX."""
        asked = (organisation_id, key_id, _filter(wanted))
        first: _FilePart = self._ask("activity_file", _FilePart, *asked, None)

        def parts() -> Iterator[str]:
            part = first
            for _ in range(FILE_PARTS_MAX):
                yield part.text
                if part.next is None:
                    return
                part = self._ask("activity_file", _FilePart, *asked, part.next)
            raise UsageAway("activity_file")  # a file without its end must not look whole

        return parts()

    def of_organisation(self, organisation_id: str, step: Step, now: datetime) -> OrganisationUse:
        """Raises UsageAway."""
        summary = self._ask("organisation_summary", _OrganisationSummary, organisation_id, *_range(step, now))
        return OrganisationUse(
            whole=_use(summary, step),
            keys=tuple((key.key_id, key.hint, key.requests) for key in summary.keys),
            refused_keys=tuple((key.key_id, key.hint, key.requests) for key in summary.refused_keys),
        )

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        """Raises UsageAway."""
        told = self._ask("last_day", _LastDay, organisation_id, list(key_ids))
        days = {
            day.key_id: KeyDay(requests=day.requests, refused=day.refused, in_last_hour=day.in_last_hour)
            for day in told.keys
        }
        return KeyDays(by_key=days, new_sources=told.new_sources)

    def channels(self, organisation_id: str) -> tuple[Channel, ...]:
        """Raises UsageAway."""
        found: list[_Channel] = self._ask("channels", list[_Channel], organisation_id)
        return tuple(
            Channel(
                name=channel.name,
                kind=channel.kind,
                hears_of_ends=_REVOKED in channel.events,
                is_disabled=channel.disabled_at is not None,
            )
            for channel in found
        )

    def _ask(self, method: str, kind: type[Any], *arguments: object) -> Any:
        try:
            return msgspec.convert(self._usage.call("usage", method, *arguments), type=kind)
        except (CallFailed, ServiceError, msgspec.ValidationError) as error:
            raise UsageAway(method) from error


def _range(step: Step, now: datetime) -> tuple[str, str, str]:
    return rfc3339(step.since(now)), rfc3339(now), step.name


def _filter(wanted: Wanted) -> dict[str, Any]:
    only = {"only_requests": True} if wanted.only_requests else {}
    texts = {name: getattr(wanted, name) for name in _TEXTS}
    times = {name: rfc3339(time) for name in ("start", "end") if (time := getattr(wanted, name)) is not None}
    return {name: text for name, text in texts.items() if text} | times | only


def _use(summary: _Summary, step: Step) -> Use:
    statuses: dict[str, int] = defaultdict(int)
    for bucket in summary.series:
        for status, requests in bucket.by_status.items():
            statuses[status] += requests
    return Use(
        step=step,
        buckets=tuple(
            Bucket(start=bucket.start, **by_outcome(bucket.by_status)) for bucket in summary.series if bucket.requests
        ),
        routes=_most_first(summary.routes),
        networks=_most_first(summary.networks),
        statuses=_most_first(statuses),
        p50=summary.duration_ms.p50,
        p95=summary.duration_ms.p95,
        p99=summary.duration_ms.p99,
        **by_outcome(summary.by_class),
    )


def _entry(entry: _Entry) -> Entry:
    happened = {} if entry.lifecycle is None else msgspec.structs.asdict(entry.lifecycle)
    request = None if entry.request is None else Request(at=entry.at, **msgspec.structs.asdict(entry.request))
    return Entry(at=entry.at, request=request, **happened)


def _most_first(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda counted: (-counted[1], counted[0])))
