"""Events of organisations and keys, as they are stored in the log. Add fields or types; never change or remove one.

Texts that people wrote are encrypted before they get here (see encryption/description.py): destroying a key's data
key makes them unreadable in every copy of the log.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.keys import Contract
from shared.eventsourcing.epochs import LOG_RESTORED, LogRestored
from shared.eventsourcing.event_types import Data, EventTypes

types = EventTypes()
types.register(LOG_RESTORED)(LogRestored)


@types.register("OrganisationRegistered")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    organisation_id: str
    name: str
    tier: str
    registered_at: datetime


@types.register("TierChanged", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class TierChanged:
    """`contract`: of the tier enterprise, and of no other."""

    organisation_id: str
    tier: str
    changed_at: datetime
    contract: Contract | None = None


@types.upcaster("TierChanged", from_version=1)
def _of_no_contract(body: Data) -> Data:
    return body


@types.register("UnusedExpiryChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedExpiryChanged:
    """Keys unused for so many days expire; None: unused keys do not."""

    organisation_id: str
    unused_expiry_days: int | None
    changed_at: datetime


@types.register("LifetimesChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class LifetimesChanged:
    """Both lifetimes, also the one that stays. None: not set."""

    organisation_id: str
    lifetime_max_days: int | None
    lifetime_default_days: int | None
    changed_at: datetime


@types.register("KeyCreated", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    """`digest`: SHA-256 of the secret; `hint`: its first 8 and last 4 characters; `words`: encrypted description.

    `networks`: ids of those whose sensors and events it opens; None, as of all older keys: of all.
    """

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
    networks: tuple[str, ...] | None = None


@types.register("KeyRevoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    """`reason`: one of Reason's values (RFC 5280's names, as far as they fit keys). `note`: encrypted, or None."""

    key_id: str
    organisation_id: str
    revoked_at: datetime
    reason: str
    note: str | None


@types.register("KeyDescribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescribed:
    """`words`: the whole new description (name, description and labels), encrypted."""

    key_id: str
    organisation_id: str
    words: str
    described_at: datetime


@types.register("KeyPermissionsChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissionsChanged:
    """The whole new set. Some are added only after a KeyRotated of the same moment, which ended older secrets."""

    key_id: str
    organisation_id: str
    permissions: tuple[str, ...]
    changed_at: datetime


@types.register("KeyAccessChanged", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccessChanged:
    """All of a key's access settings, also those that stay."""

    key_id: str
    organisation_id: str
    expires_at: datetime | None
    allow_query: bool
    allowed_addresses: tuple[str, ...]
    minute_limit: int | None
    day_limit: int | None
    changed_at: datetime
    networks: tuple[str, ...] | None = None


@types.upcaster("KeyCreated", from_version=1)
@types.upcaster("KeyAccessChanged", from_version=1)
def _of_all_networks(body: Data) -> Data:
    return body


@types.register("KeyRotated", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """`grace_until`: until when the previous secret still works; None: not at all. Older ones have ended.

    `previous_digest`: only the newest secret was replaced, and the one before it, of this digest, works until
    `previous_until`, as it did. `grace_until` is None then, so that a reader who does not know of this ends both.
    """

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    grace_until: datetime | None
    rotated_at: datetime
    previous_digest: str | None = None
    previous_until: datetime | None = None


@types.upcaster("KeyRotated", from_version=1)
def _of_every_older_secret(body: Data) -> Data:
    return body


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


@types.register("KeyExpired", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpired:
    """Recorded by a timer. `reason`: one of ExpiryReason's values.

    A key's expiry time every gate enforces by itself; expiry for want of use takes effect by this event only.
    `recorded_at`: of an expiry by time, the moment that it has among the other events. None: of an older version.
    """

    key_id: str
    organisation_id: str
    expired_at: datetime
    reason: str
    recorded_at: datetime | None = None


@types.upcaster("KeyExpired", from_version=1)
def _recorded_when_its_row_was(body: Data) -> Data:
    return body


@types.register("KeyDeleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDeleted:
    """The data key was destroyed in the same transaction: no encrypted text of this stream can be read again."""

    key_id: str
    organisation_id: str
    deleted_at: datetime


# What happens to a key after its creation.
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
# What commits on a disk that takes nothing else any more: it ends a key, or takes power from it.
ENDINGS = (KeyRevoked, KeySuspended, KeyDeleted, KeyPermissionsChanged, KeyExpired)
OrganisationEvent = OrganisationRegistered | TierChanged | UnusedExpiryChanged | LifetimesChanged
LogEvent = LogRestored
