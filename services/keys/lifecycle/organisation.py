"""Organisation: its state, its commands, and which events they lead to or why they are refused. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from msgspec import UNSET, UnsetType

from services.keys.events import (
    LifetimesChanged,
    OrganisationEvent,
    OrganisationRegistered,
    TierChanged,
    UnusedExpiryChanged,
)
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes
from services.keys.lifecycle.moments import next_moment
from shared.contracts.keys import Contract
from shared.gate.grants.grant import ENTERPRISE
from shared.observability.redaction import redact
from shared.values.names import NotAName, as_name

# Tier → active keys an organisation may hold: the tier's rate limits are for each key, and keys must not multiply them.
ACTIVE_KEYS_MAX = {"free": 10, "standard": 100, "premium": 1_000}
TIERS = (*ACTIVE_KEYS_MAX, ENTERPRISE)


def active_keys_max(tier: str, contract: Contract | None) -> int:
    return contract.keys if tier == ENTERPRISE and contract is not None else ACTIVE_KEYS_MAX.get(tier, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """`revision` counts its events."""

    organisation_id: str
    name: str
    tier: str
    changed_at: datetime
    revision: int = 1
    unused_expiry_days: int | None = None
    lifetimes: Lifetimes = UNLIMITED
    contract: Contract | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrganisation:
    organisation_id: str
    name: str
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTier:
    tier: str
    contract: Contract | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSettings:
    """UNSET: stays as it is. `unused_expiry_days` without use until a key expires; None: unused keys do not expire.

    The others are those of Lifetimes.
    """

    unused_expiry_days: int | UnsetType | None = UNSET
    lifetime_max_days: int | UnsetType | None = UNSET
    lifetime_default_days: int | UnsetType | None = UNSET


SETTINGS = tuple(ChangeSettings.__slots__)


class OrganisationExists(Exception):
    """The id is taken."""


class NoSuchOrganisation(Exception):
    """Never registered."""


class NameHoldsKey(Exception):
    def __init__(self) -> None:
        super().__init__(
            "an organisation's name must not contain an API key: names are shown, and kept in the log for good"
        )


class NameUnfit(Exception):
    """The name is blank, or holds what cannot be seen."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"an organisation's name {fault}")


class UnknownTier(Exception):
    def __init__(self, tier: str) -> None:
        super().__init__(f"{tier!r} is not a tier; choose one of {', '.join(TIERS)}")


class ContractMissing(Exception):
    def __init__(self) -> None:
        super().__init__("enterprise is by contract: give its limits by the minute and at the same time, and its keys")


class ContractNotAsked(Exception):
    def __init__(self, tier: str) -> None:
        super().__init__(f"the limits of {tier} are the tier's own: only enterprise is by contract")


class DefaultBeyondMaximum(Exception):
    """Keys would by default live longer than they may."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        super().__init__(f"must not exceed lifetime_max_days, which is {lifetimes.max_days}")


class TooManyKeys(Exception):
    """The organisation holds as many active keys as its tier allows."""

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"the tier allows at most {most} active keys")


def decide(
    state: Organisation | None, command: RegisterOrganisation | ChangeTier | ChangeSettings, now: datetime
) -> tuple[OrganisationEvent, ...]:
    """Raises OrganisationExists, NoSuchOrganisation, UnknownTier, ContractMissing, ContractNotAsked, NameHoldsKey,
    NameUnfit or DefaultBeyondMaximum.
    """
    if isinstance(command, RegisterOrganisation) and redact(command.name) != command.name:
        raise NameHoldsKey
    if isinstance(command, RegisterOrganisation):
        command = replace(command, name=_name(command.name))
    if isinstance(command, RegisterOrganisation | ChangeTier):
        _check_tier(command.tier, command.contract if isinstance(command, ChangeTier) else None)
    if isinstance(command, RegisterOrganisation):
        if state is not None:
            raise OrganisationExists(command.organisation_id)
        return (
            OrganisationRegistered(
                organisation_id=command.organisation_id, name=command.name, tier=command.tier, registered_at=now
            ),
        )
    if state is None:
        raise NoSuchOrganisation
    now = next_moment(state.changed_at, now)
    match command:
        case ChangeTier(tier=tier, contract=contract):
            changed = TierChanged(organisation_id=state.organisation_id, tier=tier, contract=contract, changed_at=now)
            return () if (tier, contract) == (state.tier, state.contract) else (changed,)
        case ChangeSettings():
            return tuple(_settings_changed(state, command, now))
        case _:
            assert_never(command)


def _settings_changed(state: Organisation, command: ChangeSettings, now: datetime) -> Iterator[OrganisationEvent]:
    """An event for each kind of setting that changes, at moments of their own."""
    days = _given(command.unused_expiry_days, state.unused_expiry_days)
    if days != state.unused_expiry_days:
        yield UnusedExpiryChanged(organisation_id=state.organisation_id, unused_expiry_days=days, changed_at=now)
        now = next_moment(now, now)
    lifetimes = Lifetimes(
        max_days=_given(command.lifetime_max_days, state.lifetimes.max_days),
        default_days=_given(command.lifetime_default_days, state.lifetimes.default_days),
    )
    if lifetimes.max_days is not None and (lifetimes.default_days or 0) > lifetimes.max_days:
        raise DefaultBeyondMaximum(lifetimes)
    if lifetimes != state.lifetimes:
        yield LifetimesChanged(
            organisation_id=state.organisation_id,
            lifetime_max_days=lifetimes.max_days,
            lifetime_default_days=lifetimes.default_days,
            changed_at=now,
        )


def _check_tier(tier: str, contract: Contract | None) -> None:
    if tier not in TIERS:
        raise UnknownTier(tier)
    if tier == ENTERPRISE and contract is None:
        raise ContractMissing
    if tier != ENTERPRISE and contract is not None:
        raise ContractNotAsked(tier)


def _given(wanted: int | UnsetType | None, present: int | None) -> int | None:
    return present if wanted is UNSET else wanted


def _name(text: str) -> str:
    try:
        return as_name(text)
    except NotAName as fault:
        raise NameUnfit(str(fault)) from None


def evolve(state: Organisation | None, event: OrganisationEvent) -> Organisation | None:
    if isinstance(event, OrganisationRegistered):
        return Organisation(
            organisation_id=event.organisation_id, name=event.name, tier=event.tier, changed_at=event.registered_at
        )
    if state is None:
        return None
    state = replace(state, revision=state.revision + 1)
    state = replace(state, changed_at=max(state.changed_at, event.changed_at))
    match event:
        case TierChanged():
            return replace(state, tier=event.tier, contract=event.contract)
        case UnusedExpiryChanged():
            return replace(state, unused_expiry_days=event.unused_expiry_days)
        case LifetimesChanged(lifetime_max_days=max_days, lifetime_default_days=default_days):
            return replace(state, lifetimes=Lifetimes(max_days=max_days, default_days=default_days))
        case _:
            assert_never(event)
