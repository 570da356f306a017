"""End of a secret: which event ends which secrets, why and since when; and what that makes of a grant. Pure.

A suspension ends when the log resumes the key. Everything else is for good, so a log that was put back to before it
does not undo it.
"""

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from shared.contracts.dead import DeadSecret
from shared.contracts.keys import (
    KeyDeleted,
    KeyEvent,
    KeyExpired,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
)
from shared.gate.grants.grant import Grant, Status

# Events that end secrets, or a suspension.
ENDING = (KeyRotated, KeySuspended, KeyResumed, KeyExpired, KeyRevoked, KeyDeleted)
# By digest.
Dead = Mapping[str, DeadSecret]


class Why(enum.StrEnum):
    """A later one stands in place of an earlier one."""

    SUSPENDED = "suspended"
    EXPIRED = "expired"
    ROTATED = "rotated"
    REVOKED = "revoked"
    DELETED = "deleted"


_RANKS = {why.value: rank for rank, why in enumerate(Why)}
OF_THE_KEY = {Why.DELETED.value: Status.DELETED, Why.REVOKED.value: Status.REVOKED}


def after_event(dead: Dead, before: Grant | None, after: Grant, event: KeyEvent) -> Dead:
    """The key's dead secrets after an event that made `after` of `before`. Safe to run twice."""
    known = dict(dead)
    for ended in _ended_by(before, after, event):
        known[ended.digest] = _joined(known.get(ended.digest), ended)
    match event:
        case KeyResumed():
            return {digest: one for digest, one in known.items() if not _is_resumed(one, event.resumed_at)}
        case KeyDeleted():
            why, at = Why.DELETED.value, event.deleted_at
            return {digest: replace(one, why=why, at=at, hint=None) for digest, one in known.items()}
        case _:
            return known


def buried(grant: Grant, dead: Dead) -> Grant:
    """The grant as far as its secrets are not known dead. `dead`: of its key. The same, if the log told all of it.

    A key whose present secret was replaced or had expired is held for expired, which only a new secret ends.
    """
    ended = {one.why for one in dead.values()}
    for why, status in OF_THE_KEY.items():
        if why in ended:
            return grant if grant.status in (status, Status.DELETED) else replace(grant, status=status)
    present, previous = dead.get(grant.digest), dead.get(grant.previous_digest or "")
    if present is not None and present.why == Why.SUSPENDED:
        grant = replace(grant, suspended=True)
    elif present is not None and grant.status is Status.ACTIVE:
        grant = replace(grant, status=Status.EXPIRED)
    if previous is not None and previous.why == Why.ROTATED and grant.grace_until and previous.at < grant.grace_until:
        grant = replace(grant, grace_until=previous.at)
    return grant


def _ended_by(before: Grant | None, after: Grant, event: KeyEvent) -> Iterable[DeadSecret]:
    match event:
        case KeyRevoked():
            return _both(after, Why.REVOKED, event.revoked_at)
        case KeyDeleted():
            return _both(after, Why.DELETED, event.deleted_at)
        case KeyExpired():
            return _both(after, Why.EXPIRED, event.expired_at)
        case KeySuspended():
            return _both(after, Why.SUSPENDED, event.suspended_at)
        case KeyRotated() if before is not None:
            return _rotated(before, after, event)
        case _:
            return ()


def _both(grant: Grant, why: Why, at: datetime) -> list[DeadSecret]:
    """The newest secret, and the one before in its grace."""
    newest = _dead(grant, grant.digest, why, at, grant.hint)
    previous = grant.previous_digest
    return [newest] if previous is None else [newest, _dead(grant, previous, why, at)]


def _rotated(before: Grant, after: Grant, event: KeyRotated) -> list[DeadSecret]:
    hints = {before.digest: before.hint}
    had, has = (before.previous_digest, before.digest), (after.previous_digest, after.digest)
    ended = [
        _dead(after, digest, Why.ROTATED, event.rotated_at, hints.get(digest))
        for digest in had
        if digest is not None and digest not in has
    ]
    previous, until = after.previous_digest, after.grace_until
    if previous is not None and until is not None:
        ended.append(_dead(after, previous, Why.ROTATED, until, hints.get(previous)))
    if after.suspended:
        ended.append(_dead(after, after.digest, Why.SUSPENDED, event.rotated_at, after.hint))
    return ended


def _dead(grant: Grant, digest: str, why: Why, at: datetime, hint: str | None = None) -> DeadSecret:
    return DeadSecret(
        digest=digest,
        key_id=grant.key_id,
        organisation_id=grant.organisation_id,
        hint=hint or None,
        why=why.value,
        at=at,
    )


def _joined(known: DeadSecret | None, ended: DeadSecret) -> DeadSecret:
    """Of one reason the first time counts; of suspensions the last, for an earlier one may be over."""
    if known is None:
        return ended
    hint = known.hint or ended.hint
    if known == ended:
        return known
    if known.why != ended.why:
        return replace(max(known, ended, key=lambda one: _RANKS[one.why]), hint=hint)
    at = max(known.at, ended.at) if known.why == Why.SUSPENDED else min(known.at, ended.at)
    return replace(known, at=at, hint=hint)


def _is_resumed(one: DeadSecret, resumed_at: datetime) -> bool:
    """A resumption that a log repeats ends no suspension that came after it."""
    return one.why == Why.SUSPENDED and one.at <= resumed_at
