"""State of one API key, folded from its events. What may happen to it is in decision.py.

Pure: no clock, secrets or SQL.
"""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from services.keys.events import (
    KeyAccessChanged,
    KeyChange,
    KeyCreated,
    KeyDeleted,
    KeyDescribed,
    KeyEvent,
    KeyExpired,
    KeyExpiryNear,
    KeyPermissionsChanged,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
)
from services.keys.lifecycle.moments import own_moment

KEY_PREFIX = "key_"  # organisations have streams in the same log


class Status(enum.StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Reason(enum.StrEnum):
    """Why a key was revoked, in the terms of RFC 5280."""

    KEY_COMPROMISE = "key-compromise"
    SUPERSEDED = "superseded"
    AFFILIATION_CHANGED = "affiliation-changed"
    UNSPECIFIED = "unspecified"


class ExpiryReason(enum.StrEnum):
    """Why a key expires: its expiry time, or no use for as many days as its organisation sets."""

    TIME = "time"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """When, how, from where, for what and how much a key may be used.

    `allow_query`: it may be sent in the URL's query. Limits: requests a minute and a day; None: the tier's.
    `networks`: ids, sorted, of those whose sensors and events it opens; None: of all.
    """

    expires_at: datetime | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    minute_limit: int | None = None
    day_limit: int | None = None
    networks: tuple[str, ...] | None = None


SETTINGS = tuple(Access.__slots__)


def settings(source: Any) -> dict[str, Any]:
    """The settings of Access, by name, that an event, a command, a request or a view has among its own fields."""
    return {name: getattr(source, name) for name in SETTINGS}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` counts its events. `words`, `revocation_note`: encrypted. `hint`, `digest`: of the newest secret.

    `previous_digest`, `previous_hint`: of the secret before, which works until `grace_until`. `active_since`: when
    created, resumed or rotated last. `expiry_set_at`: since when `expires_at` holds. `days_warned`: days before it of
    the nearest given. `unused_expires_at`: as its warning said. `changed_at`: the latest of its events' own moments.
    """

    key_id: str
    organisation_id: str
    revision: int
    digest: str
    hint: str
    words: str
    permissions: tuple[str, ...]
    access: Access
    created_at: datetime
    active_since: datetime
    expiry_set_at: datetime
    changed_at: datetime
    rotated_at: datetime | None = None
    grace_until: datetime | None = None
    previous_digest: str | None = None
    previous_hint: str | None = None
    suspended_at: datetime | None = None
    expired_at: datetime | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
    revocation_note: str | None = None
    deleted_at: datetime | None = None
    days_warned: int | None = None
    unused_expires_at: datetime | None = None

    def status(self, now: datetime) -> Status:
        return status(
            revoked_at=self.revoked_at,
            suspended_at=self.suspended_at,
            expired_at=self.expired_at,
            expires_at=self.access.expires_at,
            now=now,
        )

    def has_expired(self, now: datetime) -> bool:
        return _has_expired(self.expired_at, self.access.expires_at, now)


class KeyExists(Exception):
    """The id is taken."""


class NoSuchKey(Exception):
    """Never created, deleted, or another organisation's."""


def runs(grace_until: datetime | None, now: datetime) -> bool:
    """Whether a grace that ends then is not over."""
    return grace_until is not None and now < grace_until


def own(state: "Key | None", organisation_id: str) -> "Key":
    """The key, if it is this organisation's. Raises NoSuchKey, so that another's looks as if it did not exist."""
    if state is None or state.organisation_id != organisation_id:
        raise NoSuchKey
    return state


def status(
    *,
    revoked_at: datetime | None,
    suspended_at: datetime | None,
    expired_at: datetime | None,
    expires_at: datetime | None,
    now: datetime,
) -> Status:
    """The status, in the order in which gates refuse: revoked, then suspended, then expired."""
    if revoked_at is not None:
        return Status.REVOKED
    if suspended_at is not None:
        return Status.SUSPENDED
    if _has_expired(expired_at, expires_at, now):
        return Status.EXPIRED
    return Status.ACTIVE


def expired_since(
    *, expired_at: datetime | None, expires_at: datetime | None, revoked_at: datetime | None, now: datetime
) -> datetime | None:
    """Since when the key has been expired: by its expiry time also before a timer records that. None: it is not.

    A key that was revoked before its expiry time does not expire any more.
    """
    if expired_at is not None or expires_at is None or now < expires_at:
        return expired_at
    return expires_at if revoked_at is None or revoked_at >= expires_at else None


def evolve(state: Key | None, event: KeyEvent) -> Key | None:
    """The key after the event. Never refuses, not even what cannot have happened."""
    if isinstance(event, KeyCreated):
        return _created(event)
    if state is None:
        return None
    changed_at = max(state.changed_at, own_moment(event) or state.changed_at)
    return replace(state, revision=state.revision + 1, changed_at=changed_at, **_changes(state, event))


def _changes(state: Key, event: KeyChange) -> dict[str, Any]:
    """The fields that the event changes, without the revision."""
    match event:
        case KeyDescribed():
            return {"words": event.words}
        case KeyPermissionsChanged():
            return {"permissions": event.permissions}
        case KeyAccessChanged():
            return _access_changes(state, event)
        case KeyRotated():
            return _rotation_changes(state, event)
        case KeySuspended():
            return {"suspended_at": event.suspended_at}
        case KeyResumed():
            return {"suspended_at": None, "active_since": event.resumed_at, "unused_expires_at": None}
        case KeyExpiryNear():
            if event.reason == ExpiryReason.UNUSED:
                return {"unused_expires_at": event.expires_at}
            return {"days_warned": event.days_left}
        case KeyExpired():
            return {"expired_at": event.expired_at}
        case KeyRevoked():
            return {"revoked_at": event.revoked_at, "revocation_reason": event.reason, "revocation_note": event.note}
        case KeyDeleted():
            return {"deleted_at": event.deleted_at}
        case _:
            assert_never(event)


def _created(event: KeyCreated) -> Key:
    return Key(
        key_id=event.key_id,
        organisation_id=event.organisation_id,
        revision=1,
        digest=event.digest,
        hint=event.hint,
        words=event.words,
        permissions=event.permissions,
        access=Access(**settings(event)),
        created_at=event.created_at,
        active_since=event.created_at,
        expiry_set_at=event.created_at,
        changed_at=event.created_at,
    )


def _rotation_changes(state: Key, event: KeyRotated) -> dict[str, Any]:
    changes = {
        "digest": event.digest,
        "hint": event.hint,
        "rotated_at": event.rotated_at,
        "active_since": event.rotated_at,
        "expired_at": None,
        "unused_expires_at": None,
    }
    if event.previous_digest is not None:
        return changes | {"previous_digest": event.previous_digest, "grace_until": event.previous_until}
    has_grace = event.grace_until is not None
    return changes | {
        "previous_digest": state.digest if has_grace else None,
        "previous_hint": state.hint if has_grace else None,
        "grace_until": event.grace_until,
    }


def _access_changes(state: Key, event: KeyAccessChanged) -> dict[str, Any]:
    access = Access(**settings(event))
    if access.expires_at == state.access.expires_at:
        return {"access": access}
    return {"access": access, "expiry_set_at": event.changed_at, "days_warned": None}


def _has_expired(expired_at: datetime | None, expires_at: datetime | None, now: datetime) -> bool:
    return expired_at is not None or (expires_at is not None and now >= expires_at)
