"""The life of one API key: what may happen to it, and what it comes to. Pure: no clock, no secrets, no SQL."""

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.keys.events import KeyCreated, KeyEvent, KeyRevoked

PERMISSIONS = ("sensors:read", "events:read", "config:write", "admin")


class Status(enum.StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Reason(enum.StrEnum):
    """Why a key was revoked, in the terms of RFC 5280."""

    KEY_COMPROMISE = "key-compromise"
    SUPERSEDED = "superseded"
    AFFILIATION_CHANGED = "affiliation-changed"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The folded key. Expiry is no event here: it is judged by the clock, see `status`."""

    key_id: str
    organisation_id: str
    expires_at: datetime | None
    revoked_at: datetime | None = None

    def status(self, now: datetime) -> Status:
        return status(self.revoked_at, self.expires_at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey:
    """`digest`, `hint` and the sealed `words` are made at the edge; the secret itself never comes here."""

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    words: str
    permissions: tuple[str, ...]
    expires_at: datetime | None
    allow_query: bool
    allowed_addresses: tuple[str, ...]
    minute_limit: int | None
    day_limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    reason: Reason
    note: str | None


class KeyExists(Exception):
    """The id is taken."""


class NoSuchKey(Exception):
    """Never created. Also what another organisation's key looks like."""


def decide(state: Key | None, command: CreateKey | RevokeKey, now: datetime) -> tuple[KeyEvent, ...]:
    """The events that the command leads to; none when it asks for what already is.

    Raises KeyExists or NoSuchKey.
    """
    match command:
        case CreateKey():
            if state is not None:
                raise KeyExists(command.key_id)
            return (_created(command, now),)
        case RevokeKey():
            if state is None:
                raise NoSuchKey
            if state.revoked_at is not None:
                return ()
            return (
                KeyRevoked(
                    key_id=state.key_id,
                    organisation_id=state.organisation_id,
                    revoked_at=now,
                    reason=command.reason.value,
                    note=command.note,
                ),
            )
        case _:
            assert_never(command)


def evolve(state: Key | None, event: KeyEvent) -> Key | None:
    match event:
        case KeyCreated():
            return Key(key_id=event.key_id, organisation_id=event.organisation_id, expires_at=event.expires_at)
        case KeyRevoked():
            return None if state is None else replace(state, revoked_at=event.revoked_at)
        case _:
            assert_never(event)


def status(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> Status:
    """Revoked for good comes first; then the clock."""
    if revoked_at is not None:
        return Status.REVOKED
    if expires_at is not None and now >= expires_at:
        return Status.EXPIRED
    return Status.ACTIVE


def _created(command: CreateKey, now: datetime) -> KeyCreated:
    return KeyCreated(
        key_id=command.key_id,
        organisation_id=command.organisation_id,
        digest=command.digest,
        hint=command.hint,
        words=command.words,
        permissions=command.permissions,
        created_at=now,
        expires_at=command.expires_at,
        allow_query=command.allow_query,
        allowed_addresses=command.allowed_addresses,
        minute_limit=command.minute_limit,
        day_limit=command.day_limit,
    )
