"""What has happened to organisations and keys. The shapes below are in logs for ever: add, never change.

People's words are sealed before they get here (see words.py), so that destroying one key's data key is enough to
forget them.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.events import EventTypes

types = EventTypes()


@types.register("OrganisationRegistered")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    organisation_id: str
    name: str
    tier: str
    registered_at: datetime


@types.register("KeyCreated")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    """`digest`: SHA-256 of the secret; `hint`: its first 8 and last 4 characters; `words`: sealed text."""

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    words: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    allow_query: bool
    allowed_addresses: tuple[str, ...]
    minute_limit: int | None
    day_limit: int | None


@types.register("KeyRevoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    """`reason`: one of Reason's values (RFC 5280's names, as far as they fit keys). `note`: sealed text or None."""

    key_id: str
    organisation_id: str
    revoked_at: datetime
    reason: str
    note: str | None


KeyEvent = KeyCreated | KeyRevoked
OrganisationEvent = OrganisationRegistered
