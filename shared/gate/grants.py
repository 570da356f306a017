"""Who may do what: the grants that the log of keys adds up to, and the replica each web process holds of them.

`evolve` is the only place where an event of keys changes a grant; auth's database and every gate's memory call
it. What cannot be applied makes its key refused, never served by the state before.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import msgspec
from msgspec.structs import force_setattr, replace

from shared.contracts.keys import (
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
    KeysEvent,
    KeySuspended,
    OrganisationRegistered,
    TierChanged,
)
from shared.event_store import Head


class Status(enum.StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Requests a key may make in any 60 s, and in a UTC day; None: unlimited."""

    minute: int
    day: int | None

    def lowered(self, minute: int | None, day: int | None) -> "Limits":
        """A key's own limits under these; None: it has none of its own."""
        if minute is None and day is None:
            return self
        return Limits(minute=_lower(minute, self.minute) or 0, day=_lower(day, self.day))


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One key as gates see it: an id, a hint, a digest. `minute_limit`, `day_limit`: below the tier's, if set.

    `previous_digest`: of the secret before this one, which is good until `grace_until`. Expiry by time is not in
    `status`: gates judge it by the clock.
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

    def accepts(self, digest: str, now: float) -> bool:
        """Whether that secret is one of this key's, at this second since 1970. A deleted key has none."""
        if self.status is Status.DELETED:
            return False
        if digest == self.digest:
            return True
        return digest == self.previous_digest and self.grace_until is not None and now < self.grace_until.timestamp()

    def digests(self) -> tuple[str, ...]:
        return (self.digest,) if self.previous_digest is None else (self.digest, self.previous_digest)

    def permits(self, permission: str) -> bool:
        return permission in self.permissions or "admin" in self.permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All grants at one position of the log. `unappliable`: streams whose state there is not to be trusted."""

    place: Head | None
    grants: tuple[Grant, ...]
    tiers: Mapping[str, str]
    policy: Mapping[str, Limits]
    unappliable: tuple[str, ...] = ()


class EventOutOfPlace(Exception):
    """An event about a key that no event created: the state would be a guess."""


def evolve(grant: Grant | None, event: KeyEvent) -> Grant:
    """The same event once more changes nothing, and nothing wakes what was revoked. Raises EventOutOfPlace."""
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
            return replace(grant, status=Status.DELETED)
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
    )


def _rotated(grant: Grant, event: KeyRotated) -> Grant:
    if event.digest == grant.digest:
        return grant
    return replace(
        grant,
        digest=event.digest,
        hint=event.hint,
        status=Status.ACTIVE if grant.status is Status.EXPIRED else grant.status,
        previous_digest=None if event.grace_until is None else grant.digest,
        grace_until=event.grace_until,
    )


class Held:
    """What many grants share, held once: at a million keys the difference between a small and a large process."""

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}

    def slim(self, grant: Grant) -> Grant:
        """The same grant, and without its hint, which is for people. To be asked before anybody else knows it."""
        values = self._values
        force_setattr(grant, "hint", "")
        force_setattr(grant, "organisation_id", values.setdefault(grant.organisation_id, grant.organisation_id))
        force_setattr(grant, "permissions", values.setdefault(grant.permissions, grant.permissions))
        return grant


class Grants:
    """The replica: plain dictionaries, so that a lookup is one hash and no lock.

    Written by one thread at a time (its subscription's), read by all; each entry is immutable and replaced whole.
    """

    def __init__(self) -> None:
        self.place: Head | None = None
        self.policy: Mapping[str, Limits] = {}
        self.unappliable: set[str] = set()
        self._by_digest: dict[str, Grant] = {}
        self._by_id: dict[str, Grant] = {}
        self._tiers: dict[str, str] = {}
        self._held = Held()

    def __len__(self) -> int:
        return len(self._by_id)

    def by_digest(self, digest: str) -> Grant | None:
        return self._by_digest.get(digest)

    def by_id(self, key_id: str) -> Grant | None:
        return self._by_id.get(key_id)

    def tier(self, organisation_id: str) -> str | None:
        return self._tiers.get(organisation_id)

    def is_unappliable(self, grant: Grant) -> bool:
        return bool(self.unappliable) and not self.unappliable.isdisjoint((grant.key_id, grant.organisation_id))

    def limits(self, grant: Grant) -> Limits | None:
        """The key's own limits under its organisation's tier; None when the tier is not known here."""
        tier = self.policy.get(self._tiers.get(grant.organisation_id, ""))
        return None if tier is None else tier.lowered(grant.minute_limit, grant.day_limit)

    def load(self, snapshot: Snapshot) -> None:
        """Replaces everything. The old state stays readable until the new one stands whole."""
        # First refused, then shown: a reader in between must not trust what the snapshot itself does not.
        self.unappliable = self.unappliable | set(snapshot.unappliable)
        grants = [self._held.slim(grant) for grant in snapshot.grants]
        by_id = {grant.key_id: grant for grant in grants}
        self._by_digest = {digest: grant for grant in grants for digest in grant.digests()}
        self._by_id, self._tiers, self.policy = by_id, dict(snapshot.tiers), snapshot.policy
        self.unappliable = set(snapshot.unappliable)
        self.place = snapshot.place

    def apply(self, event: KeysEvent) -> None:
        """Raises EventOutOfPlace."""
        if isinstance(event, OrganisationRegistered | TierChanged):
            self._tiers[event.organisation_id] = event.tier
            return
        before = self._by_id.get(event.key_id)
        grant = self._held.slim(evolve(before, event))
        self._by_id[grant.key_id] = grant
        for digest in grant.digests():
            self._by_digest[digest] = grant
        for digest in set(before.digests() if before else ()).difference(grant.digests()):
            del self._by_digest[digest]

    def state(self) -> tuple[frozenset[Grant], frozenset[tuple[str, str]]]:
        """All of it, comparable: for tests that say two replicas are equal."""
        return frozenset(self._by_id.values()), frozenset(self._tiers.items())


def _lower(own: int | None, tier: int | None) -> int | None:
    return min((limit for limit in (own, tier) if limit is not None), default=None)
