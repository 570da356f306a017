"""An organisation, and what may happen to it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from services.keys.events import OrganisationEvent, OrganisationRegistered
from shared.redaction import redact

TIERS = ("free", "standard", "premium")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    organisation_id: str
    name: str
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrganisation:
    organisation_id: str
    name: str
    tier: str


class OrganisationExists(Exception):
    """The id is taken."""


class NameHoldsKey(Exception):
    def __init__(self) -> None:
        super().__init__("an organisation's name may hold no API key: names are shown, and told to other services")


class UnknownTier(Exception):
    def __init__(self, tier: str) -> None:
        super().__init__(f"{tier!r} is not a tier; there are {', '.join(TIERS)}")


def decide(state: Organisation | None, command: RegisterOrganisation, now: datetime) -> tuple[OrganisationEvent, ...]:
    """Raises OrganisationExists, UnknownTier or NameHoldsKey."""
    if redact(command.name) != command.name:
        raise NameHoldsKey
    if command.tier not in TIERS:
        raise UnknownTier(command.tier)
    if state is not None:
        raise OrganisationExists(command.organisation_id)
    return (
        OrganisationRegistered(
            organisation_id=command.organisation_id, name=command.name, tier=command.tier, registered_at=now
        ),
    )


def evolve(state: Organisation | None, event: OrganisationEvent) -> Organisation | None:
    return Organisation(organisation_id=event.organisation_id, name=event.name, tier=event.tier)
