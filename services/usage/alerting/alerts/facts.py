"""Facts: what met a rule, kept with its alert as JSON and sent with it. Fields are only ever added, and optional."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.usage.alerting.rules.rule import Rule


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at`: when the rule was met. Which other fields are present depends on the kind of rule.

    A request is described by `request_id`, `route`, `address`, `user_agent`. `window`: minute or day; `limit`, `used`:
    of the quota in it. `requests`, `failed`: counts; `per_hour`: the mean hour they are measured by. `source`: what is
    new, address or user-agent. `expires_at`, `days_left`: of the key.
    """

    at: datetime
    request_id: str | None = None
    route: str | None = None
    address: str | None = None
    user_agent: str | None = None
    window: str | None = None
    threshold_percent: int | None = None
    limit: int | None = None
    used: int | None = None
    requests: int | None = None
    failed: int | None = None
    per_hour: float | None = None
    source: str | None = None
    expires_at: datetime | None = None
    days_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """One fact about one key that meets a rule. There is one alert for each (rule, key, fact, period).

    `ends_at`: when the alert ends, unless the rule is met again by then.
    """

    rule: Rule
    key_id: str
    fact: str
    period: str
    facts: Facts
    ends_at: datetime
