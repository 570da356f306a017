"""Usage of a key, asked of the usage service over RPC, a second at most for each question."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.keys.console.pages.key_usage import Day, Hour, KeyDay, KeyDays, Request, UsageAway
from shared.contracts.errors import ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls
from shared.values.timestamps import rfc3339

_SECONDS_MAX = 1.0
_HOUR = "HOUR"


class _Bucket(msgspec.Struct):
    start: datetime
    requests: int
    by_status: dict[str, int]


class _Durations(msgspec.Struct):
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class _Summary(msgspec.Struct):
    total: int
    by_class: dict[str, int]
    duration_ms: _Durations
    series: list[_Bucket]
    routes: dict[str, int]


class _KeyDay(msgspec.Struct):
    key_id: str
    requests: tuple[int, ...]
    refused: tuple[int, ...]
    in_last_hour: int


class _LastDay(msgspec.Struct):
    keys: list[_KeyDay]
    new_sources: dict[str, datetime]


class _Request(msgspec.Struct):
    method: str
    route: str
    status: int
    address: str
    user_agent: str
    request_id: str
    requests: int


class _Entry(msgspec.Struct):
    at: datetime
    request: _Request | None = None


class RemoteUsage:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._usage = KeptCalls(amqp_uri, accounts, seconds_max=_SECONDS_MAX)

    def day(self, organisation_id: str, key_id: str, now: datetime) -> Day:
        """Raises UsageAway."""
        moments = rfc3339(now - timedelta(days=1)), rfc3339(now)
        summary = self._ask("summary", _Summary, organisation_id, key_id, *moments, _HOUR)
        hours = [
            Hour(start=bucket.start, requests=bucket.requests, refused=_refused(bucket.by_status))
            for bucket in summary.series
            if bucket.requests
        ]
        return Day(
            requests=summary.total,
            refused=_refused(summary.by_class),
            hours=tuple(reversed(hours)),
            routes=tuple(sorted(summary.routes.items(), key=lambda route: -route[1])),
            p50=summary.duration_ms.p50,
            p95=summary.duration_ms.p95,
            p99=summary.duration_ms.p99,
        )

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        """Raises UsageAway."""
        told = self._ask("last_day", _LastDay, organisation_id, list(key_ids))
        days = {
            day.key_id: KeyDay(requests=day.requests, refused=day.refused, in_last_hour=day.in_last_hour)
            for day in told.keys
        }
        return KeyDays(by_key=days, new_sources=told.new_sources)

    def requests(self, organisation_id: str, key_id: str, limit: int) -> tuple[Request, ...]:
        """Raises UsageAway."""
        entries = self._ask("activity", list[_Entry], organisation_id, key_id, limit)
        return tuple(
            Request(at=entry.at, **msgspec.structs.asdict(entry.request))
            for entry in entries
            if entry.request is not None
        )

    def _ask(self, method: str, kind: type[Any], *arguments: object) -> Any:
        try:
            return msgspec.convert(self._usage.call("usage", method, *arguments), type=kind)
        except (CallFailed, ServiceError, msgspec.ValidationError) as error:
            raise UsageAway(method) from error


def _refused(by: dict[str, int]) -> int:
    """`by`: status or its class → requests."""
    return sum(requests for status, requests in by.items() if status >= "4")
