"""Public events of the keys service. What people write (names, descriptions, labels) is never in them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What one organisation has agreed on, in the place of a tier's numbers; None: unlimited.

    Requests of each key in any 60 s, in a UTC day, and at the same time; and the keys that may be active.
    """

    minute: int
    day: int | None
    concurrent: int
    keys: int


def contract_text(contract: Contract | None) -> str | None:
    """As databases keep it."""
    return None if contract is None else msgspec.json.encode(contract).decode()


def contract_of(text: str | None) -> Contract | None:
    """None also where a damaged text is none: limits are not known then, which fails one organisation and no other."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Contract)
    except (msgspec.MsgspecError, UnicodeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    organisation_id: str
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    """`digest`: SHA-256 of the secret, hexadecimal. `hint`: first 8 and last 4 characters of the secret.

    `networks`: ids of those whose sensors and events it opens; None: of all.
    """

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
    networks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    key_id: str
    organisation_id: str
    revoked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChanged:
    organisation_id: str
    tier: str
    contract: Contract | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissionsChanged:
    key_id: str
    organisation_id: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccessChanged:
    """Where, how and for what a key may be used was changed. Holds every value, also the unchanged ones."""

    key_id: str
    organisation_id: str
    expires_at: datetime | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    minute_limit: int | None = None
    day_limit: int | None = None
    networks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """A key has a new secret: `digest`, `hint`. The one before works until `grace_until`; None: it no longer works.

    `previous_digest`: it took the newest one's place alone, and the one before that, of this digest, works until
    `previous_until`, as it did; `grace_until` is None. An older reader, which does not know this, ends both.
    """

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    rotated_at: datetime
    grace_until: datetime | None = None
    previous_digest: str | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySuspended:
    key_id: str
    organisation_id: str
    suspended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResumed:
    key_id: str
    organisation_id: str
    resumed_at: datetime


UNUSED_AT_LEAST = timedelta(days=1)
"""No key that was used within so long before is warned of as unused, as far as keys knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpiryNear:
    """A warning: the key expires at `expires_at` for `reason` (time or unused) unless something is done.

    `days_left`: whole days, rounded down. `threshold_days`: the threshold that was crossed; None in messages of an
    older release, whose `days_left` it is.
    """

    key_id: str
    organisation_id: str
    expires_at: datetime
    days_left: int
    reason: str
    threshold_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpired:
    key_id: str
    organisation_id: str
    expired_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDeleted:
    key_id: str
    organisation_id: str
    deleted_at: datetime


KeyEvent = (
    KeyCreated
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
OrganisationEvent = OrganisationRegistered | TierChanged
KeysEvent = KeyEvent | OrganisationEvent

SHAPES: dict[str, type[KeysEvent]] = {
    shape.__name__: shape
    for shape in (
        OrganisationRegistered,
        TierChanged,
        KeyCreated,
        KeyPermissionsChanged,
        KeyAccessChanged,
        KeyRotated,
        KeySuspended,
        KeyResumed,
        KeyExpiryNear,
        KeyExpired,
        KeyRevoked,
        KeyDeleted,
    )
}

# They take no permission away: a gate of an older release that does not know them may skip them.
IGNORABLE: tuple[type[KeysEvent], ...] = (KeyExpiryNear,)
