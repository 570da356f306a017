"""Facts: what met a rule, kept with its alert as JSON and sent with it. Fields are only ever added, and optional."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.usage.alerting.rules.rule import Kind, Rule


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at`: when the rule was met. Which other fields are present depends on the kind of rule.

    A request is described by `request_id`, `route`, `address`, `user_agent`. `window`: minute or day; `limit`, `used`:
    of the quota in it. `requests`, `failed`: counts; `per_hour`: the mean hour they are measured by. `source`: what is
    new: address, user-agent or address-and-user-agent. `expires_at`, `days_left` (rounded down): of the key;
    `threshold_days`: the threshold of the warning. `problem`: what a dead secret was refused with; `secret_hint`: its.
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
    threshold_days: int | None = None
    problem: str | None = None
    secret_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """One fact about one key that meets a rule. There is one alert for each (kind, key, fact, period).

    `family`: what the fact is about, such as a quota's window; `level`: the threshold it reached. Whatever reaches one
    reaches the lower ones, too, and is one fact: the highest. `ends_at`: when the alert ends,
    unless the rule is met again by then.
    """

    rule: Rule
    key_id: str
    family: str = ""
    level: int = 0
    period: str
    facts: Facts
    ends_at: datetime

    @property
    def fact(self) -> str:
        return f"{self.family} {self.level}".strip() if self.level else self.family


def family_and_level(kind: Kind, fact: str) -> tuple[str, int]:
    """A stored fact's parts, as of `Met`. A fact that was stored without its level has 0."""
    if kind not in (Kind.QUOTA, Kind.ERROR_RATE, Kind.VOLUME):
        return fact, 0
    family, _, level = fact.rpartition(" ")
    return family, int(level or 0)
