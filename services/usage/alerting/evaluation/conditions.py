"""Conditions of alert rules: whether an observation meets a rule. Pure; time is that of the requests.

A condition is met once a period, however often it is seen, and ends when it has not been seen for a while.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from services.usage.alerting.alerts.facts import Facts, Met
from services.usage.alerting.evaluation.observation import ExpiryWarning, Observation, ObservedRequest
from services.usage.alerting.rules.rule import (
    ErrorRateParameters,
    ExpiringParameters,
    Kind,
    QuotaParameters,
    Rule,
    VolumeParameters,
)
from shared.gate.grants.grant import Limits
from shared.values.timestamps import from_microseconds, midnight, rfc3339

QUIET = timedelta(minutes=5)
ADDRESS, USER_AGENT, BOTH = "address", "user-agent", "address-and-user-agent"
UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured of one key at the time of one observation. None: not read, since no rule can turn on it.

    `minute_spent`, `day_spent`: quota spent in the last 60 s and in the UTC day. `recent`: (requests, failed) of five
    minutes. `hour`: requests of 60 minutes; `mean_hour`: mean requests an hour over the seven days before.
    `new_sources`: (address or user-agent, its first request).
    """

    limits: Limits | None = None
    minute_spent: int | None = None
    day_spent: int | None = None
    recent: tuple[int, int] | None = None
    hour: int | None = None
    mean_hour: float | None = None
    new_sources: tuple[tuple[str, ObservedRequest], ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Nothing that was measured can meet a rule."""
        counts = (self.minute_spent, self.day_spent, self.recent, self.mean_hour)
        return not self.new_sources and counts == (None, None, None, None)


def met(rule: Rule, observation: Observation, reading: Measurements) -> Iterator[Met]:
    """The facts of an observation that meet a rule about its key."""
    at = from_microseconds(observation.last_at)
    match rule.kind:
        case Kind.QUOTA:
            yield from _quota(rule, observation.key_id, at, reading)
        case Kind.ERROR_RATE:
            yield from _error_rate(rule, observation.key_id, at, reading)
        case Kind.VOLUME:
            yield from _volume(rule, observation.key_id, at, reading)
        case Kind.NEW_SOURCE:
            yield from _new_sources(rule, observation.key_id, reading)
        case Kind.DEAD_KEY_USED:
            if observation.dead is not None:
                yield _dead_key_used(rule, observation.key_id, observation.dead)
        case Kind.KEY_EXPIRING | Kind.KEY_UNUSED:
            pass  # these come from the log of keys: see `met_by_warning`
        case _:
            assert_never(rule.kind)


def met_by_warning(rule: Rule, warning: ExpiryWarning) -> Iterator[Met]:
    """The fact of an expiry warning, if it meets a rule about its key."""
    kind = Kind.KEY_UNUSED if warning.reason == UNUSED else Kind.KEY_EXPIRING
    if rule.kind is not kind:
        return
    if isinstance(rule.parameters, ExpiringParameters) and warning.days_left > rule.parameters.days:
        return
    yield Met(
        rule=rule,
        key_id=warning.key_id,
        family=f"{warning.days_left} days",
        period=rfc3339(warning.expires_at),
        facts=Facts(
            at=warning.warned_at,
            expires_at=warning.expires_at,
            days_left=(warning.expires_at - warning.warned_at).days,
            threshold_days=warning.days_left,
        ),
        ends_at=warning.expires_at,
    )


def _quota(rule: Rule, key_id: str, at: datetime, reading: Measurements) -> Iterator[Met]:
    if reading.limits is None or not isinstance(rule.parameters, QuotaParameters):
        return
    windows = (
        ("minute", reading.limits.minute, reading.minute_spent, _hour(at), at + QUIET),
        ("day", reading.limits.day, reading.day_spent, _day(at), _midnight_after(at)),
    )
    for window, limit, used, period, ends_at in windows:
        if limit is None or used is None:
            continue
        for percent in rule.parameters.thresholds_percent:
            if used * 100 >= percent * limit:
                facts = Facts(at=at, window=window, threshold_percent=percent, limit=limit, used=used)
                yield Met(
                    rule=rule,
                    key_id=key_id,
                    family=window,
                    level=percent,
                    period=period,
                    facts=facts,
                    ends_at=ends_at,
                )


def _error_rate(rule: Rule, key_id: str, at: datetime, reading: Measurements) -> Iterator[Met]:
    parameters = rule.parameters
    if reading.recent is None or not isinstance(parameters, ErrorRateParameters):
        return
    requests, failed = reading.recent
    if requests >= parameters.requests_min and failed * 100 >= parameters.threshold_percent * requests:
        percent = parameters.threshold_percent
        facts = Facts(at=at, threshold_percent=percent, requests=requests, failed=failed)
        yield Met(rule=rule, key_id=key_id, level=percent, period=_hour(at), facts=facts, ends_at=at + QUIET)


def _volume(rule: Rule, key_id: str, at: datetime, reading: Measurements) -> Iterator[Met]:
    """Nothing for a key without a baseline yet."""
    parameters = rule.parameters
    if not reading.hour or not reading.mean_hour or not isinstance(parameters, VolumeParameters):
        return
    if reading.hour >= parameters.requests_min and reading.hour >= parameters.factor * reading.mean_hour:
        facts = Facts(at=at, requests=reading.hour, per_hour=round(reading.mean_hour, 1))
        factor, ends_at = parameters.factor, at + timedelta(hours=1)
        yield Met(rule=rule, key_id=key_id, level=factor, period=_day(at), facts=facts, ends_at=ends_at)


def _new_sources(rule: Rule, key_id: str, reading: Measurements) -> Iterator[Met]:
    """One fact for each request, also for one whose address and user agent are both new."""
    sources: dict[ObservedRequest, str] = {}
    for source, seen in reading.new_sources:
        sources[seen] = BOTH if seen in sources else source
    for seen, source in sources.items():
        yield _new_source(rule, key_id, source, seen)


def _new_source(rule: Rule, key_id: str, source: str, seen: ObservedRequest) -> Met:
    """The fact is a digest and not the source itself: alerts outlive the erasure of a deleted key."""
    value = seen.user_agent if source == USER_AGENT else seen.address
    digest = hashlib.sha256(f"{key_id}/{source}/{value}".encode()).hexdigest()[:32]
    facts = _request_facts(seen, source=source)
    return Met(rule=rule, key_id=key_id, family=digest, period="", facts=facts, ends_at=seen.at + timedelta(days=1))


def _dead_key_used(rule: Rule, key_id: str, seen: ObservedRequest) -> Met:
    facts, ends_at = _request_facts(seen), _midnight_after(seen.at)
    return Met(rule=rule, key_id=key_id, period=_day(seen.at), facts=facts, ends_at=ends_at)


def _request_facts(seen: ObservedRequest, source: str | None = None) -> Facts:
    return Facts(
        at=seen.at,
        request_id=seen.request_id,
        route=seen.route,
        address=seen.address,
        user_agent=seen.user_agent,
        source=source,
        problem=seen.problem,
        secret_hint=seen.secret_hint,
    )


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H")


def _midnight_after(at: datetime) -> datetime:
    return midnight(at) + timedelta(days=1)
