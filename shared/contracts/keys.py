"""What the keys service publishes. People's words (names, descriptions, labels) are never among it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    organisation_id: str
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    """`digest`: SHA-256 of the secret, hexadecimal. `hint`: first 8 and last 4 characters of the secret."""

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    permissions: tuple[str, ...]
    expires_at: datetime | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    minute_limit: int | None = None
    day_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    key_id: str
    organisation_id: str
    revoked_at: datetime
    reason: str


KeysEvent = OrganisationRegistered | KeyCreated | KeyRevoked

SHAPES: dict[str, type[KeysEvent]] = {
    "OrganisationRegistered": OrganisationRegistered,
    "KeyCreated": KeyCreated,
    "KeyRevoked": KeyRevoked,
}
