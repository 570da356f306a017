"""Decision: which events a command on a key leads to, or why it is refused.

Pure: secrets and encrypted texts are made at the edge, and time is an argument.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from services.keys.events import (
    KeyAccessChanged,
    KeyCreated,
    KeyDeleted,
    KeyDescribed,
    KeyEvent,
    KeyPermissionsChanged,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
)
from services.keys.lifecycle.commands import (
    Command,
    CreateKey,
    DeleteKey,
    EditKey,
    NewSecret,
    ResumeKey,
    RevokeKey,
    RotateKey,
    SuspendKey,
)
from services.keys.lifecycle.key import Access, Key, KeyExists, NoSuchKey, Reason, runs, settings
from services.keys.lifecycle.lifetimes import expiry_of_new
from services.keys.lifecycle.moments import next_moment
from shared.values.permissions import PERMISSIONS


class KeyIsRevoked(Exception):
    """Revocation is final: a revoked key can only be deleted."""

    def __init__(self) -> None:
        super().__init__("the key is revoked, which is for good: create a new one")


class KeyHasExpired(Exception):
    """A new secret would not work: the expiry must be changed together with it."""

    def __init__(self) -> None:
        super().__init__("the key has expired: give it a new expiry along with the new secret")


class AdminOfNetworks(Exception):
    """Admin keys open everything, so one that is bound to networks would say what does not hold."""

    def __init__(self) -> None:
        super().__init__("an admin key opens all networks: leave them out, or the permission admin")


class RegenerationRequired(Exception):
    """The change needs a new secret: holders of the old one must not gain what it gives. `gains`: what that is."""

    def __init__(self, gains: str) -> None:
        self.gains = gains
        super().__init__(gains)


def decide(state: Key | None, command: Command, now: datetime) -> tuple[KeyEvent, ...]:
    """The events that the command leads to; none when it asks for what already is.

    Grace and expiry are judged by `now`, as gates do. The events' moment is later than their stream's last, which a
    clock that was ahead may have put far from now.

    Raises KeyExists, NoSuchKey, KeyIsRevoked, KeyHasExpired, AdminOfNetworks or RegenerationRequired.
    """
    if isinstance(command, CreateKey):
        if state is not None:
            raise KeyExists(command.key_id)
        _check_networks(command.permissions, command)
        return (_created(command, now),)
    if state is None or state.deleted_at is not None:
        raise NoSuchKey
    moment = next_moment(state.changed_at, now)
    match command:
        case RevokeKey():
            return () if state.revoked_at else (_revoked(state, command.reason, command.note, moment),)
        case DeleteKey():
            first = () if state.revoked_at else (_revoked(state, Reason.UNSPECIFIED, None, moment),)
            return (*first, KeyDeleted(key_id=state.key_id, organisation_id=state.organisation_id, deleted_at=moment))
        case _ if state.revoked_at is not None:
            raise KeyIsRevoked
        case EditKey():
            return _edit(state, command, now, moment)
        case RotateKey():
            return (_rotated(state, command, now, moment),)
        case SuspendKey():
            suspended = KeySuspended(key_id=state.key_id, organisation_id=state.organisation_id, suspended_at=moment)
            return () if state.suspended_at else (suspended,)
        case ResumeKey():
            resumed = KeyResumed(key_id=state.key_id, organisation_id=state.organisation_id, resumed_at=moment)
            return (resumed,) if state.suspended_at else ()
        case _:
            assert_never(command)


def gained(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions that `after` gives and `before` did not, sorted; admin gives all."""
    return tuple(sorted(_opened_by(after) - _opened_by(before)))


def gained_networks(before: Access, after: Access) -> str | None:
    """Which networks `after` opens and `before` did not, in words; None: none."""
    if after.networks is None:
        return None if before.networks is None else "all networks"
    if before.networks is None or not (more := sorted({*after.networks} - {*before.networks})):
        return None
    return f"the networks {', '.join(more)}"


def _check_networks(permissions: tuple[str, ...], access: Access) -> None:
    if "admin" in permissions and access.networks is not None:
        raise AdminOfNetworks


def _edit(state: Key, command: EditKey, now: datetime, moment: datetime) -> tuple[KeyEvent, ...]:
    """The new secret comes first: between two events of one edit, no old secret may have the new power."""
    permissions = state.permissions if command.permissions is None else command.permissions
    access = state.access if command.access is None else command.access
    _check_networks(permissions, access)
    if command.secret is None:
        if more := gained_networks(state.access, access):
            raise RegenerationRequired(more)
        if gains := gained(state.permissions, permissions):
            raise RegenerationRequired(", ".join(gains))
        if state.has_expired(now) and access.expires_at != state.access.expires_at:
            raise RegenerationRequired("validity beyond its expiry")
    elif access.expires_at is not None and now >= access.expires_at:
        raise KeyHasExpired
    events: list[KeyEvent] = []
    if command.secret is not None:
        events.append(_with_secret(state, command.secret, moment))
    if permissions != state.permissions:
        events.append(
            KeyPermissionsChanged(
                key_id=state.key_id, organisation_id=state.organisation_id, permissions=permissions, changed_at=moment
            )
        )
    if access != state.access:
        events.append(_access_changed(state, access, moment))
    if command.words is not None:
        events.append(
            KeyDescribed(
                key_id=state.key_id, organisation_id=state.organisation_id, words=command.words, described_at=moment
            )
        )
    return tuple(events)


def _rotated(state: Key, command: RotateKey, now: datetime, moment: datetime) -> KeyRotated:
    """A grace ends with the key's expiry at the latest. An expired key's secrets get and keep none: they would work
    again. `instead` of the newest secret, while no other works, is a rotation without grace.
    """
    expires_at = state.access.expires_at
    if expires_at is not None and now >= expires_at:
        raise KeyHasExpired
    rotated = _with_secret(state, command.secret, moment)
    if state.has_expired(now):
        return rotated
    if command.instead and runs(state.grace_until, now):
        return replace(rotated, previous_digest=state.previous_digest, previous_until=state.grace_until)
    if not command.grace:
        return rotated
    until = now + command.grace
    return replace(rotated, grace_until=min(until, expires_at) if expires_at else until)


def _with_secret(state: Key, secret: NewSecret, moment: datetime) -> KeyRotated:
    return KeyRotated(
        key_id=state.key_id,
        organisation_id=state.organisation_id,
        digest=secret.digest,
        hint=secret.hint,
        grace_until=None,
        rotated_at=moment,
    )


def _access_changed(state: Key, access: Access, moment: datetime) -> KeyAccessChanged:
    return KeyAccessChanged(
        key_id=state.key_id,
        organisation_id=state.organisation_id,
        changed_at=moment,
        **settings(access),
    )


def _revoked(state: Key, reason: Reason, note: str | None, moment: datetime) -> KeyRevoked:
    return KeyRevoked(
        key_id=state.key_id, organisation_id=state.organisation_id, revoked_at=moment, reason=reason.value, note=note
    )


def _created(command: CreateKey, now: datetime) -> KeyCreated:
    if command.lifetimes is not None:
        command = replace(command, expires_at=expiry_of_new(command.lifetimes, command.permissions, now))
    return KeyCreated(
        key_id=command.key_id,
        organisation_id=command.organisation_id,
        digest=command.digest,
        hint=command.hint,
        words=command.words,
        permissions=command.permissions,
        created_at=now,
        **settings(command),
    )


def _opened_by(permissions: tuple[str, ...]) -> set[str]:
    return set(PERMISSIONS) if "admin" in permissions else set(permissions)
