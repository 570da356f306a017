"""What has happened to organisations and keys. The shapes below are in logs for ever: add, never change.

People's words are sealed before they get here (see words.py), so that destroying one key's data key is enough to
forget them.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.eventsourcing.event_types import EventTypes

types = EventTypes()


@types.register("OrganisationRegistered")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    organisation_id: str
    name: str
    tier: str
    registered_at: datetime


@types.register("TierChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class TierChanged:
    organisation_id: str
    tier: str
    changed_at: datetime


@types.register("UnusedExpiryChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedExpiryChanged:
    """Keys that nobody uses for so many days expire by themselves; None: they do not."""

    organisation_id: str
    unused_expiry_days: int | None
    changed_at: datetime


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


@types.register("KeyDescribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescribed:
    """`words`: all of them anew, sealed: name, description and labels."""

    key_id: str
    organisation_id: str
    words: str
    described_at: datetime


@types.register("KeyPermissionsChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissionsChanged:
    """More of them only ever follow a KeyRotated of the same moment, which ended every older secret."""

    key_id: str
    organisation_id: str
    permissions: tuple[str, ...]
    changed_at: datetime


@types.register("KeyAccessChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccessChanged:
    """When, how, from where and how much: all of it anew, also what stays."""

    key_id: str
    organisation_id: str
    expires_at: datetime | None
    allow_query: bool
    allowed_addresses: tuple[str, ...]
    minute_limit: int | None
    day_limit: int | None
    changed_at: datetime


@types.register("KeyRotated")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """`grace_until`: how long the secret before this one still works; None: not at all. Older ones have ended."""

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    grace_until: datetime | None
    rotated_at: datetime


@types.register("KeySuspended")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeySuspended:
    key_id: str
    organisation_id: str
    suspended_at: datetime


@types.register("KeyResumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResumed:
    key_id: str
    organisation_id: str
    resumed_at: datetime


@types.register("KeyExpiryNear")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpiryNear:
    """A warning. `reason`: why it will expire, one of ExpiryReason's values; `days_left`: whole days, at most."""

    key_id: str
    organisation_id: str
    expires_at: datetime
    days_left: int
    reason: str
    warned_at: datetime


@types.register("KeyExpired")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpired:
    """Written down by a timer: gates refuse a key from its very moment on by their own clock.

    That a key was never used no gate can know: this is what ends such a one.
    """

    key_id: str
    organisation_id: str
    expired_at: datetime
    reason: str


@types.register("KeyDeleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDeleted:
    """The data key was destroyed in the same transaction: no sealed text of this stream can be read again."""

    key_id: str
    organisation_id: str
    deleted_at: datetime


# What befalls a key that is there.
KeyChange = (
    KeyDescribed
    | KeyPermissionsChanged
    | KeyAccessChanged
    | KeyRotated
    | KeySuspended
    | KeyResumed
    | KeyExpiryNear
    | KeyExpired
    | KeyRevoked
    | KeyDeleted
)
KeyEvent = KeyCreated | KeyChange
OrganisationEvent = OrganisationRegistered | TierChanged | UnusedExpiryChanged
