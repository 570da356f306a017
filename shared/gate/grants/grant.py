"""Grant: what one API key may do, folded from the key's events; and the snapshot of all grants that a gate is given.

`evolve` is the only place where an event of keys changes a grant; auth's database and every gate's memory call it.
"""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from shared.contracts.keys import (
    Contract,
    KeyAccessChanged,
    KeyCreated,
    KeyDeleted,
    KeyEvent,
    KeyExpired,
    KeyExpiryNear,
    KeyPermissionsChanged,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
)
from shared.eventsourcing.event_store import Head

REPLACED_MAX = 20
ENTERPRISE = "enterprise"  # the tier whose limits are by contract


class Status(enum.StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DELETED = "deleted"


# What each request is judged by has a name of its own: through its class a member costs as much as a function's call.
ACTIVE: Final = Status.ACTIVE
REVOKED: Final = Status.REVOKED
DELETED: Final = Status.DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a key: requests in any 60 s, in a UTC day, and answered at the same time; None: unlimited."""

    minute: int
    day: int | None
    concurrent: int | None = None

    def lowered(self, minute: int | None, day: int | None) -> "Limits":
        """These limits, lowered by a key's own; None: the key has no limit of its own."""
        if minute is None and day is None:
            return self
        return Limits(minute=_lower(minute, self.minute) or 0, day=_lower(day, self.day), concurrent=self.concurrent)


def limits_by(tier: str, contract: Contract | None, policy: Mapping[str, Limits]) -> Limits | None:
    """`policy`: limits by tier. None: the tier is not known here."""
    if contract is None or tier != ENTERPRISE:  # an older release that changes the tier leaves the contract there
        return policy.get(tier)
    return Limits(minute=contract.minute, day=contract.day, concurrent=contract.concurrent)


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one key may do, as gates see it. `minute_limit`, `day_limit`: the key's own limits below the tier's, if set.

    `digest`: SHA-256 of the secret. `previous_digest`: of the secret before, which works until `grace_until`.
    `networks`: ids of those whose sensors and events it opens; None: of all.
    `replaced`: of the newest REPLACED_MAX secrets before these, by the time at which they were replaced; none works.
    Expiry by time is not in `status`: gates judge it by the clock.
    """

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    permissions: frozenset[str]
    status: Status = Status.ACTIVE
    expires_at: datetime | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    minute_limit: int | None = None
    day_limit: int | None = None
    suspended: bool = False
    previous_digest: str | None = None
    grace_until: datetime | None = None
    replaced: tuple[str, ...] = ()
    networks: frozenset[str] | None = None

    def accepts(self, digest: str, now: float) -> bool:
        """Whether the secret with this digest works at `now`, seconds since 1970. A deleted key has none."""
        if self.status is DELETED:
            return False
        if digest == self.digest:
            return True
        return digest == self.previous_digest and self.grace_until is not None and now < self.grace_until.timestamp()

    def permits(self, permission: str) -> bool:
        return permission in self.permissions or "admin" in self.permissions

    def opens(self, networks: Collection[str]) -> bool:
        """Whether all of these networks are among its own."""
        return self.networks is None or self.networks.issuperset(networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All grants at one place in the log of keys. `tiers`: of organisations, by id; `policy`: limits by tier;
    `contracts`: of organisations that have one.

    `unappliable`: streams (ids) whose state is not to be trusted, for an event of theirs could not be applied.
    """

    place: Head | None
    grants: tuple[Grant, ...]
    tiers: Mapping[str, str]
    policy: Mapping[str, Limits]
    unappliable: tuple[str, ...] = ()
    contracts: Mapping[str, Contract] = field(default_factory=dict)


class EventOutOfPlace(Exception):
    """The event is about a key that no event created, so its state is unknown."""


def evolve(grant: Grant | None, event: KeyEvent) -> Grant:
    """The grant after an event. Repeated events change nothing; a revoked key stays so. Raises EventOutOfPlace."""
    if isinstance(event, KeyCreated):
        return grant or _created(event)  # a repetition must not undo what came after it
    if grant is None:
        raise EventOutOfPlace(event.key_id)
    if grant.status is Status.DELETED:
        return grant
    match event:
        case KeyPermissionsChanged():
            return replace(grant, permissions=frozenset(event.permissions))
        case KeyAccessChanged():
            return replace(
                grant,
                expires_at=event.expires_at,
                allow_query=event.allow_query,
                allowed_addresses=event.allowed_addresses,
                minute_limit=event.minute_limit,
                day_limit=event.day_limit,
                networks=_set_of(event.networks),
            )
        case KeyRotated():
            return _rotated(grant, event)
        case KeySuspended():
            return replace(grant, suspended=True)
        case KeyResumed():
            return replace(grant, suspended=False)
        case KeyExpiryNear():
            return grant
        case KeyExpired():
            return replace(grant, status=Status.EXPIRED) if grant.status is Status.ACTIVE else grant
        case KeyRevoked():
            return replace(grant, status=Status.REVOKED)
        case KeyDeleted():
            return replace(grant, status=Status.DELETED, hint="")
        case _:
            assert_never(event)


def _created(event: KeyCreated) -> Grant:
    return Grant(
        key_id=event.key_id,
        organisation_id=event.organisation_id,
        digest=event.digest,
        hint=event.hint,
        permissions=frozenset(event.permissions),
        expires_at=event.expires_at,
        allow_query=event.allow_query,
        allowed_addresses=event.allowed_addresses,
        minute_limit=event.minute_limit,
        day_limit=event.day_limit,
        networks=_set_of(event.networks),
    )


def _set_of(networks: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if networks is None else frozenset(networks)


def _rotated(grant: Grant, event: KeyRotated) -> Grant:
    if event.digest in (grant.digest, grant.previous_digest, *grant.replaced):
        return grant  # a repetition, as of a creation
    previous, until = _left_in_grace(grant, event)
    return replace(
        grant,
        digest=event.digest,
        hint=event.hint,
        status=Status.ACTIVE if grant.status is Status.EXPIRED else grant.status,
        previous_digest=previous,
        grace_until=until,
        replaced=_replaced(grant, event, previous),
    )


def _left_in_grace(grant: Grant, event: KeyRotated) -> tuple[str | None, datetime | None]:
    """The older secret that works on, and until when. It works already: no secret of an expired key, none replaced."""
    if grant.status is Status.EXPIRED:
        return None, None
    if event.previous_digest is None:
        return (None, None) if event.grace_until is None else (grant.digest, event.grace_until)
    works_on = event.previous_digest == grant.previous_digest
    return (event.previous_digest, event.previous_until) if works_on else (None, None)


def _replaced(grant: Grant, event: KeyRotated, previous: str | None) -> tuple[str, ...]:
    now = [digest for digest in (grant.previous_digest, grant.digest, event.previous_digest) if digest is not None]
    before = [digest for digest in grant.replaced if digest not in now]
    ended = [digest for digest in dict.fromkeys((*before, *now)) if digest not in (event.digest, previous)]
    return tuple(ended[-REPLACED_MAX:])


def _lower(own: int | None, tier: int | None) -> int | None:
    return min((limit for limit in (own, tier) if limit is not None), default=None)
