"""Alert rule: when somebody should be told, about which keys, over which channels. Pure.

What each kind of rule means is in evaluation/conditions.py.
"""

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.usage.notifications.channel import RAISED, Channel

RULE_PREFIX = "rul_"


class Kind(enum.StrEnum):
    QUOTA = "quota"
    ERROR_RATE = "error-rate"
    NEW_SOURCE = "new-source"
    VOLUME = "volume"
    DEAD_KEY_USED = "dead-key-used"
    KEY_EXPIRING = "key-expiring"
    KEY_UNUSED = "key-unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaParameters:
    """Percentages of the minute limit and of the day limit, each by itself."""

    thresholds_percent: tuple[int, ...] = (80, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateParameters:
    """Share of failed requests in five minutes, given at least `requests_min` requests."""

    threshold_percent: int = 50
    requests_min: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeParameters:
    """An hour of `factor` times the key's mean hour of the last seven days, and of at least `requests_min` requests."""

    factor: int = 5
    requests_min: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiringParameters:
    """From at most `days` days before expiry; keys warns 14, 3 and 1 days before."""

    days: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters:
    pass


Parameters = QuotaParameters | ErrorRateParameters | VolumeParameters | ExpiringParameters | NoParameters

PARAMETERS: Mapping[Kind, type[Parameters]] = {
    Kind.QUOTA: QuotaParameters,
    Kind.ERROR_RATE: ErrorRateParameters,
    Kind.NEW_SOURCE: NoParameters,
    Kind.VOLUME: VolumeParameters,
    Kind.DEAD_KEY_USED: NoParameters,
    Kind.KEY_EXPIRING: ExpiringParameters,
    Kind.KEY_UNUSED: NoParameters,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`key_ids` None and `label` None: every key of the organisation; never both.

    `channels`: ids; empty: every channel that takes alerts. A muted rule raises alerts but notifies no channel.
    """

    id: str
    organisation_id: str
    kind: Kind
    parameters: Parameters
    key_ids: tuple[str, ...] | None = None
    label: str | None = None
    channels: tuple[str, ...] = ()
    muted: bool = False
    revision: int = 1
    created_at: datetime

    def names(self, key_id: str) -> bool:
        """Whether the rule may be about that key, judged by id. Only the keys service can judge a label."""
        return self.key_ids is None or key_id in self.key_ids


def warnings(rule: Rule, channels: Iterable[Channel]) -> tuple[str, ...]:
    """Why nobody hears what the rule raises; empty: somebody does, or it is muted. `channels`: the organisation's."""
    if rule.muted:
        return ()
    asked = [channel for channel in channels if not rule.channels or channel.id in rule.channels]
    taking = [channel for channel in asked if channel.takes(RAISED)]
    if any(channel.disabled_at is None for channel in taking):
        return ()
    if taking:
        return ("every channel that would be told is disabled: its messages are held",)
    if rule.channels:
        fault = f"takes {RAISED}" if asked else "exists any more"
        return (f"none of its channels {fault}: its alerts are only listed",)
    return (f"no channel takes {RAISED}: its alerts are only listed",)


def by_precedence(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Rules that one fact meets, each once: those not muted first, then the most particular, then the oldest."""

    def rank(rule: Rule) -> tuple[object, ...]:
        return (rule.muted, rule.key_ids is None, rule.label is None, rule.created_at, rule.id)

    return tuple(sorted({rule.id: rule for rule in rules}.values(), key=rank))


def channels_told(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Ids of the channels to tell of a fact that meets these rules; empty: every channel that takes alerts."""
    met = tuple(rules)
    telling = [rule for rule in met if not rule.muted] or met
    if not all(rule.channels for rule in telling):
        return ()
    return tuple(dict.fromkeys(channel for rule in telling for channel in rule.channels))


def default_rules(organisation_id: str, now: datetime) -> tuple[Rule, ...]:
    """One rule of each kind, about every key. Their ids are deterministic, so making them twice is harmless."""
    return tuple(
        Rule(
            id=default_id(organisation_id, kind),
            organisation_id=organisation_id,
            kind=kind,
            parameters=PARAMETERS[kind](),
            created_at=now,
        )
        for kind in Kind
    )


def default_id(organisation_id: str, kind: str) -> str:
    return RULE_PREFIX + hashlib.sha256(f"{organisation_id}/{kind}".encode()).hexdigest()[:22]
