"""HTTP resources of usage: the statistics of an organisation and of a key, with quota and forecast.

The activity of a key is in activity/resources.py.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.usage.activity import resources as activity_resources
from services.usage.activity.timeline import ActivityTimeline
from services.usage.counters.quota_forecast import exhausted_at
from services.usage.counters.statistics import Statistics, Step, Used, widened
from services.usage.http.usage_schema import KeyUsageSchema, OrganisationUsageSchema, UsageQuery, UsageQuerySchema
from services.usage.http.wide_questions import WideQuestions
from services.usage.known_keys.directory import ExistingKeys
from shared.gate.grants.grant import Limits
from shared.gate.grants.grants import Grants
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.route import Route

BUCKETS_MAX = 1500
_DEFAULT_SPAN = {Step.MINUTE: timedelta(hours=1), Step.HOUR: timedelta(days=1), Step.DAY: timedelta(days=30)}


def routes(
    statistics: Statistics,
    activity: ActivityTimeline,
    existing_keys: ExistingKeys,
    grants: Grants,
    clock: Clock,
) -> list[Route]:
    wide = WideQuestions()
    return [
        Route("/v1/usage", OrganisationUsage(statistics, wide, clock)),
        Route("/v1/keys/{key_id}/usage", KeyUsage(statistics, wide, existing_keys, grants, clock)),
        *activity_resources.routes(activity, wide, existing_keys, clock),
    ]


class OrganisationUsage:
    def __init__(self, statistics: Statistics, wide: WideQuestions, clock: Clock) -> None:
        self._statistics, self._wide, self._clock = statistics, wide, clock

    @operation(
        "Show the usage of the organisation's keys, in total and by key",
        tag="Usage",
        permission="admin",
        query=UsageQuerySchema,
        answers=OrganisationUsageSchema,
        problems=("range-too-long",),
    )
    def on_get(self, call: Call[UsageQuery | None, None]) -> Answer:
        organisation_id = call.caller.organisation_id
        start, end, step = _range(call.query or UsageQuery(), self._clock.now())
        is_wide = self._statistics.is_wide_of_keys(organisation_id, start, end, step)
        with self._wide.asking(organisation_id, is_wide=is_wide):
            summary = self._statistics.of_organisation(organisation_id, start, end, step)
            keys = self._statistics.by_key(organisation_id, start, end, step).heaviest
        body = _echoed(start, end, step) | msgspec.to_builtins(summary) | {"keys": msgspec.to_builtins(keys)}
        return Answer(body=body)


class KeyUsage:
    def __init__(
        self, statistics: Statistics, wide: WideQuestions, existing_keys: ExistingKeys, grants: Grants, clock: Clock
    ) -> None:
        self._statistics, self._wide, self._existing_keys = statistics, wide, existing_keys
        self._grants, self._clock = grants, clock

    @operation(
        "Show a key's usage, what is left of its quota, and when the day's quota will be used up",
        tag="Usage",
        permission="admin",
        query=UsageQuerySchema,
        answers=KeyUsageSchema,
        problems=("not-found", "range-too-long"),
    )
    def on_get(self, call: Call[UsageQuery | None, None], key_id: str) -> Answer:
        if not self._existing_keys.belongs_to(key_id, call.caller.organisation_id):
            raise Problem("not-found")
        now = self._clock.now()
        start, end, step = _range(call.query or UsageQuery(), now)
        is_wide = self._statistics.is_wide(start, end, step)
        with self._wide.asking(call.caller.organisation_id, is_wide=is_wide):
            summary = self._statistics.summary(key_id, start, end, step)
        grant = self._grants.by_id(key_id)
        used, limits = self._statistics.used(key_id, now), self._grants.limits(grant) if grant else None
        quota, forecast = _quota(used, limits), _forecast(used, limits, now)
        body = _echoed(start, end, step) | msgspec.to_builtins(summary) | {"quota": quota, "forecast": forecast}
        return Answer(body=body)


def _range(query: UsageQuery, now: datetime) -> tuple[datetime, datetime, Step]:
    """(start, end, step) of a query, with defaults for what it leaves out. Raises Problem."""
    step, end = query.steps(), query.to or now
    try:
        start = query.from_ or end - _DEFAULT_SPAN[step]
    except OverflowError:
        raise Problem("invalid-request", "to: is too long ago") from None
    if start > end:
        raise Problem("invalid-request", "from: must not be later than to (or than now, if to is left out)")
    if (end - start) / timedelta(minutes=step.value) > BUCKETS_MAX:
        detail = f"at most {BUCKETS_MAX} steps of one {query.step}: ask for a shorter range or a longer step"
        raise Problem("range-too-long", detail)
    return start, end, step


def _echoed(start: datetime, end: datetime, step: Step) -> dict[str, Any]:
    first, last = widened(start, end, step)
    return {"from": first, "to": last, "step": step.name.lower()}


def _quota(used: Used, limits: Limits | None) -> dict[str, Any]:
    return {
        "minute": {"used": used.minute, "left": max(0, limits.minute - used.minute) if limits else 0},
        "day": {
            "used": used.day,
            "left": max(0, limits.day - used.day) if limits and limits.day is not None else None,
        },
    }


def _forecast(used: Used, limits: Limits | None, now: datetime) -> dict[str, Any]:
    limit = limits.day if limits else None
    return {"day_exhausted_at": exhausted_at(used=used.day, limit=limit, in_last_hour=used.hour, now=now)}
