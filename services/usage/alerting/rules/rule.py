"""A rule: when somebody should know. Pure. What each kind means is in evaluation.py."""

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

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
    """Of the minute's limit and of the day's, each by itself."""

    thresholds_percent: tuple[int, ...] = (80, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateParameters:
    """Of the requests of five minutes, if there were so many."""

    threshold_percent: int = 50
    requests_min: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeParameters:
    """Times the key's own mean hour of the last seven days, if the hour had so many requests."""

    factor: int = 5
    requests_min: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiringParameters:
    """At most so many days before; keys warns 14, 3 and 1 days before."""

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

    `channels`: ids; none: every channel that takes alerts. A muted rule raises alerts and tells nobody.
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
        """Whether it is about that key as far as ids tell; a label is for keys to tell."""
        return self.key_ids is None or key_id in self.key_ids


def default_rules(organisation_id: str, now: datetime) -> tuple[Rule, ...]:
    """One of each kind, about every key. Always under the same ids, so that making them twice makes them once."""
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
