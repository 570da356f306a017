"""The usage API: the HTTP door."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.usage.known_keys import KnownKeys
from services.usage.schema import KeyUsageSchema, UsageQuery, UsageQuerySchema
from services.usage.statistics import Statistics, Step, Used
from shared.clock import Clock
from shared.gate.grants import Grants, Limits
from shared.web.operation import Answer, Call, operation
from shared.web.problems import Problem
from shared.web.route import Route

BUCKETS_MAX = 1500
_DEFAULT_SPAN = {Step.MINUTE: timedelta(hours=1), Step.HOUR: timedelta(days=1), Step.DAY: timedelta(days=30)}


def routes(statistics: Statistics, known_keys: KnownKeys, grants: Grants, clock: Clock) -> list[Route]:
    return [Route("/v1/keys/{key_id}/usage", KeyUsage(statistics, known_keys, grants, clock))]


class KeyUsage:
    def __init__(self, statistics: Statistics, known_keys: KnownKeys, grants: Grants, clock: Clock) -> None:
        self._statistics, self._known_keys, self._grants, self._clock = statistics, known_keys, grants, clock

    @operation(
        "What a key did, and what is left of its quota",
        tag="Usage",
        permission="admin",
        query=UsageQuerySchema,
        answers=KeyUsageSchema,
        problems=("not-found", "range-too-long"),
    )
    def on_get(self, call: Call[UsageQuery | None, None], key_id: str) -> Answer:
        if not self._known_keys.belongs_to(key_id, call.caller.organisation_id):
            raise Problem("not-found")
        query, now = call.query or UsageQuery(), self._clock.now()
        step = query.steps()
        start, end = _range(query, step, now)
        if (end - start) / timedelta(minutes=step.value) > BUCKETS_MAX:
            raise Problem("range-too-long", f"{BUCKETS_MAX} steps of a {query.step} at most")
        summary = self._statistics.summary(key_id, start, end, step)
        quota = _quota(self._statistics.used(key_id, now), self._limits(key_id))
        return Answer(body=msgspec.to_builtins(summary) | {"quota": quota})

    def _limits(self, key_id: str) -> Limits | None:
        grant = self._grants.by_id(key_id)
        return self._grants.limits(grant) if grant else None


def _range(query: UsageQuery, step: Step, now: datetime) -> tuple[datetime, datetime]:
    """What is not given follows from what is, or from now. Raises Problem."""
    end = query.to or now
    try:
        start = query.from_ or end - _DEFAULT_SPAN[step]
    except OverflowError:
        raise Problem("invalid-request", "to: too long ago") from None
    if start > end:
        raise Problem("invalid-request", "from: must not be later than to, or than now without to")
    return start, end


def _quota(used: Used, limits: Limits | None) -> dict[str, Any]:
    return {
        "minute": {"used": used.minute, "left": max(0, limits.minute - used.minute) if limits else 0},
        "day": {
            "used": used.day,
            "left": max(0, limits.day - used.day) if limits and limits.day is not None else None,
        },
    }
