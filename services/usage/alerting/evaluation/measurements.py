"""Which of the counts the rules may turn on, for all keys of a look at once; everything else stays unread."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cachetools import LRUCache
from sqlalchemy import Connection, select

from services.usage import tables as followed
from services.usage.alerting.alerts.alert_lifecycle import KEPT_UP_BY, Place
from services.usage.alerting.evaluation import measurement_queries as counts
from services.usage.alerting.evaluation.conditions import QUIET, Measurements
from services.usage.alerting.evaluation.observation import Observation
from services.usage.alerting.rules.rule import QuotaParameters, Rule, VolumeParameters
from shared.gate.grants.grant import Limits
from shared.sql.in_values import in_values
from shared.values.timestamps import MINUTE_US, from_microseconds, to_microseconds

VOLUME_EVERY = timedelta(minutes=1)
_MEMORY_MAX = 100_000
Rules = Mapping[str, Sequence[Rule]]  # organisation → its rules


class MeasurementReader:
    def __init__(self, policy: Mapping[str, Limits]) -> None:
        """`policy`: tier → limits."""
        self._policy = policy
        self._spending = counts.Spending()
        self._volume_looked_at: LRUCache[str, datetime] = LRUCache(_MEMORY_MAX)

    def read(
        self,
        tx: Connection,
        asked: Mapping[str, Observation],
        rules: Rules,
        stands: Mapping[Place, datetime],
        now: datetime,
    ) -> dict[str, Measurements]:
        """key → what is counted of it. `asked`: one observation a key; `stands`: open alerts, and when each is over."""
        limits = _limits(tx, asked, self._policy)
        need_minute, need_day = _needs(asked, rules, limits, stands)
        failing = {key_id: one for key_id, one in asked.items() if one.failed}
        busy = {key_id: asked[key_id] for key_id in self._due_for_volume(asked, now)}
        minutes = self._spending.in_minute(tx, asked, need_minute)
        days = self._spending.in_day(tx, asked, need_day, limits, to_microseconds(now) // MINUTE_US)
        recent, hours = counts.recent(tx, failing), counts.last_hour(tx, busy)
        least = _least_volume(rules)
        means = counts.mean_hours(tx, {key_id: busy[key_id] for key_id, hour in hours.items() if hour >= least})
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
        """Each once a minute. A burst that ends within that minute is seen when its key is used next."""
        looked_at, before = self._volume_looked_at, now - VOLUME_EVERY
        due = [key_id for key_id in asked if looked_at.get(key_id, before) <= before]
        looked_at.update(dict.fromkeys(due, now))
        return due


def _needs(
    asked: Mapping[str, Observation], rules: Rules, limits: Mapping[str, Limits], stands: Mapping[Place, datetime]
) -> tuple[dict[str, int], dict[str, int]]:
    """(minute, day): key → the fewest requests that a rule would turn on."""
    minute: dict[str, int] = {}
    day: dict[str, int] = {}
    for key_id, observation in asked.items():
        allowed, own = limits.get(key_id), rules.get(observation.organisation_id, ())
        if allowed is None or not observation.cost:
            continue
        at = from_microseconds(observation.last_at)
        for window, limit, need in (("minute", allowed.minute, minute), ("day", allowed.day, day)):
            least = None if limit is None else _least(own, key_id, window, limit, stands, at)
            if least is not None:
                need[key_id] = least
    return minute, day


def _least(
    rules: Iterable[Rule], key_id: str, window: str, limit: int, stands: Mapping[Place, datetime], at: datetime
) -> int | None:
    """The fewest requests that would raise an alert, or keep one up that needs it; None: nothing would."""
    needs = [
        -(-percent * limit // 100)
        for rule in rules
        if isinstance(rule.parameters, QuotaParameters) and rule.names(key_id)
        for percent in rule.parameters.thresholds_percent
        if (ends_at := stands.get((rule.id, key_id, f"{window} {percent}"))) is None
        or (window == "minute" and ends_at <= at + QUIET - KEPT_UP_BY)
    ]
    return min(needs, default=None)


def _least_volume(rules: Rules) -> int:
    parameters = (rule.parameters for own in rules.values() for rule in own)
    return min((one.requests_min for one in parameters if isinstance(one, VolumeParameters)), default=1 << 62)


def _limits(tx: Connection, key_ids: Iterable[str], policy: Mapping[str, Limits]) -> dict[str, Limits]:
    """Of the keys that are heard of."""
    key, organisation = followed.known_key, followed.known_organisation
    query = select(key.c.key_id, key.c.minute_limit, key.c.day_limit, organisation.c.tier)
    query = query.join(organisation, organisation.c.organisation_id == key.c.organisation_id)
    rows = tx.execute(query.where(in_values(tx, key.c.key_id, list(key_ids))))
    return {row.key_id: policy[row.tier].lowered(row.minute_limit, row.day_limit) for row in rows if row.tier in policy}
