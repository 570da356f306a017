"""Measurement reader: reads the counts that a rule may turn on, for all keys of a round at once, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cachetools import LRUCache
from sqlalchemy import Connection

from services.usage.alerting.alerts.alert_lifecycle import KEPT_UP_BY, OpenAlerts
from services.usage.alerting.evaluation import measurement_queries
from services.usage.alerting.evaluation.conditions import QUIET, Measurements
from services.usage.alerting.evaluation.observation import Observation
from services.usage.alerting.rules.rule import Kind, QuotaParameters, Rule, VolumeParameters
from services.usage.known_keys.key_limits import limits_of
from shared.gate.grants.grant import Limits
from shared.values.timestamps import MINUTE_US, from_microseconds, to_microseconds

VOLUME_EVERY = timedelta(minutes=1)
_MEMORY_MAX = 100_000
Rules = Mapping[str, Sequence[Rule]]  # organisation → its rules


class MeasurementReader:
    def __init__(self, policy: Mapping[str, Limits]) -> None:
        """`policy`: tier → limits."""
        self._policy = policy
        self._spending = measurement_queries.Spending()
        self._volume_looked_at: LRUCache[str, datetime] = LRUCache(_MEMORY_MAX)

    def read(
        self,
        tx: Connection,
        asked: Mapping[str, Observation],
        rules: Rules,
        open_alerts: OpenAlerts,
        now: datetime,
    ) -> dict[str, Measurements]:
        """key → its measurements. `asked`: key → observation."""
        limits = limits_of(tx, asked, self._policy)
        need_minute, need_day = _needs(asked, rules, limits, open_alerts)
        failing = {key_id: one for key_id, one in asked.items() if one.failed}
        busy = {key_id: asked[key_id] for key_id in self._due_for_volume(asked, now)}
        minutes = self._spending.in_minute(tx, asked, need_minute)
        days = self._spending.in_day(tx, asked, need_day, limits, to_microseconds(now) // MINUTE_US)
        recent, hours = measurement_queries.recent(tx, failing), measurement_queries.last_hour(tx, busy)
        least = _least_volume(rules)
        means = measurement_queries.mean_hours(
            tx, {key_id: busy[key_id] for key_id, hour in hours.items() if hour >= least}
        )
        return {
            key_id: Measurements(
                limits=limits.get(key_id),
                minute_spent=minutes.get(key_id),
                day_spent=days.get(key_id),
                recent=recent.get(key_id),
                hour=hours.get(key_id),
                mean_hour=means.get(key_id),
            )
            for key_id in asked
        }

    def _due_for_volume(self, asked: Iterable[str], now: datetime) -> list[str]:
        """Keys whose volume was not measured for a minute. A burst shorter than that is seen at the key's next use."""
        looked_at, before = self._volume_looked_at, now - VOLUME_EVERY
        due = [key_id for key_id in asked if looked_at.get(key_id, before) <= before]
        looked_at.update(dict.fromkeys(due, now))
        return due


def _needs(
    asked: Mapping[str, Observation], rules: Rules, limits: Mapping[str, Limits], open_alerts: OpenAlerts
) -> tuple[dict[str, int], dict[str, int]]:
    """(minute, day), each key → the least spending that could raise an alert or must keep one open."""
    minute: dict[str, int] = {}
    day: dict[str, int] = {}
    for key_id, observation in asked.items():
        allowed, own = limits.get(key_id), rules.get(observation.organisation_id, ())
        if allowed is None or not observation.cost:
            continue
        at = from_microseconds(observation.last_at)
        for window, limit, need in (("minute", allowed.minute, minute), ("day", allowed.day, day)):
            least = None if limit is None else _least(own, key_id, window, limit, open_alerts, at)
            if least is not None:
                need[key_id] = least
    return minute, day


def _least(
    rules: Iterable[Rule], key_id: str, window: str, limit: int, open_alerts: OpenAlerts, at: datetime
) -> int | None:
    """The least spending that would raise an alert, or move the end of an open one; None: none would."""
    needs = [
        -(-percent * limit // 100)
        for rule in rules
        if isinstance(rule.parameters, QuotaParameters) and rule.names(key_id)
        for percent in rule.parameters.thresholds_percent
        if (ends_at := open_alerts.covering((Kind.QUOTA, key_id, window), percent)) is None
        or (window == "minute" and ends_at <= at + QUIET - KEPT_UP_BY)
    ]
    return min(needs, default=None)


def _least_volume(rules: Rules) -> int:
    parameters = (rule.parameters for own in rules.values() for rule in own)
    return min((one.requests_min for one in parameters if isinstance(one, VolumeParameters)), default=1 << 62)
