"""Authorization decision: whether a request may pass, a pure function of its credential and the replica's grants.

The order of its checks is part of the contract: each one tells the caller no more than the ones before it
have earned. The outcome is a value; status codes are for shared/web to choose.
"""

import enum
from typing import Final

from msgspec.structs import replace

from shared.gate.authentication.credential import Guess, NoCredential, Presented, hint_of_presented, read_credential
from shared.gate.concurrency.slots import NONE_LEFT
from shared.gate.grants.grant import ACTIVE, REVOKED, Grant, Limits, Status
from shared.gate.grants.grants import Grants
from shared.gate.quota.memory_quota import Spent
from shared.gate.quota.reserve import Reserve
from shared.values import ip_addresses
from shared.values.frozen_struct import FrozenStruct


class Refusal(enum.Enum):
    """Why a request is refused. The values name the problems of answers; a slowed address gets quota-exceeded."""

    GATE_NOT_FRESH = "gate-not-fresh"
    LOG_DIVERGED = "log-diverged"
    UNAVAILABLE = "unavailable"
    ADDRESS_SLOWED = "address-slowed"
    INVALID_REQUEST = "invalid-request"
    MISSING_CREDENTIALS = "missing-credentials"
    INVALID_KEY = "invalid-key"
    KEY_REVOKED = "key-revoked"
    KEY_ROTATED = "key-rotated"
    KEY_SUSPENDED = "key-suspended"
    KEY_EXPIRED = "key-expired"
    ADDRESS_NOT_ALLOWED = "address-not-allowed"
    INSUFFICIENT_PERMISSION = "insufficient-permission"
    NETWORK_NOT_ALLOWED = "network-not-allowed"
    QUOTA_EXCEEDED = "quota-exceeded"


class Verdict(FrozenStruct, frozen=True, gc=False):
    """The decision on one request. `grant`: set once the key was recognised; `spent`: once the quota was asked.

    `digest`: of the secret that was presented, with the grant: a key may have two that work. `secret_hint`: its hint,
    unless it is the key's newest and works; for the record.
    `guess`: how the key is invalid. `retry_after_seconds`: how long its address is slowed down. `reserve`: what the
    request was admitted by although the key's own limits are used up; `limits` and `spent` are the reserve's.
    `deleted`: the deleted key that was presented; for the record, never for the caller. `slots_left`: how many more of
    its requests may be answered now, where this one holds a slot.
    """

    refusal: Refusal | None
    grant: Grant | None = None
    limits: Limits | None = None
    spent: Spent | None = None
    in_query: bool = False
    digest: str = ""
    secret_hint: str | None = None
    detail: str | None = None
    guess: Guess | None = None
    retry_after_seconds: int = 0
    reserve: Reserve | None = None
    deleted: Grant | None = None
    slots_left: int = NONE_LEFT

    @property
    def admitted(self) -> bool:
        return self.refusal is None


_MISSING: Final = Verdict(Refusal.MISSING_CREDENTIALS)
# A secret of such a key is dead, as is one that was replaced.
DEAD: Final = (Refusal.KEY_REVOKED, Refusal.KEY_SUSPENDED, Refusal.KEY_EXPIRED)
_INVALID: Final = {guess: Verdict(Refusal.INVALID_KEY, guess=guess) for guess in Guess}


def judge(
    presented: Presented,
    permission: str | None,
    grants: Grants,
    now: float,
    *,
    networks: tuple[str, ...] = (),
    gives_up: bool = False,
) -> Verdict:
    """Judges all but freshness (before) and quota (after). `permission` None: any valid key will do.

    `networks`: those that the request names. `gives_up`: the key only ends its own power.
    """
    credential = read_credential(presented)
    if isinstance(credential, NoCredential):
        return _without(credential)
    digest, in_query = credential.digest, credential.in_query
    grant = grants.by_digest(digest)
    if grant is None or not grant.accepts(digest, now):
        return _ended(grant or grants.by_replaced(digest), grants, presented, in_query)
    limits = grants.limits(grant)
    if limits is None or (grants.unappliable and grants.is_unappliable(grant)):
        return Verdict(Refusal.UNAVAILABLE, grant, in_query=in_query)
    judged = forgiven(grant) if gives_up else grant
    address = presented.address
    refusal = judge_grant(judged, permission, now, address=address, in_query=in_query, networks=networks)
    if digest != grant.digest or (refusal is not None and refusal in DEAD):
        return Verdict(refusal, grant, limits, None, in_query, digest, hint_of_presented(presented))
    return Verdict(refusal, grant, limits, None, in_query, digest)


def _without(credential: NoCredential) -> Verdict:
    if credential.guess is not None:
        return _INVALID[credential.guess]
    if credential.malformed is not None:
        return Verdict(Refusal.INVALID_REQUEST, detail=credential.malformed)
    return _MISSING


def _ended(grant: Grant | None, grants: Grants, presented: Presented, in_query: bool) -> Verdict:
    """A secret that does not work, and whose it was. What its key may still do with another is not for its caller.

    To its caller a deleted key is unknown; for its owner it is recorded that somebody still uses it.
    """
    if grant is None:
        return _INVALID[Guess.UNKNOWN]
    if grant.status is Status.DELETED:
        return Verdict(Refusal.INVALID_KEY, guess=Guess.UNKNOWN, deleted=grant)
    if grants.limits(grant) is None or grants.is_unappliable(grant):
        return Verdict(Refusal.UNAVAILABLE, grant, in_query=in_query)
    return Verdict(_why_ended(grant), grant, in_query=in_query, secret_hint=hint_of_presented(presented))


def _why_ended(grant: Grant) -> Refusal:
    """Of a replaced secret: it stays so when its key is resumed or renewed, and not when the key was revoked."""
    return Refusal.KEY_REVOKED if grant.status is Status.REVOKED else Refusal.KEY_ROTATED


def judge_grant(
    grant: Grant,
    permission: str | None,
    now: float,
    *,
    address: str | None = None,
    in_query: bool = False,
    networks: tuple[str, ...] = (),
) -> Refusal | None:
    """Why the grant does not allow it, or None; the same over HTTP and RPC. `address` None: not checked."""
    if grant.status is REVOKED:
        return Refusal.KEY_REVOKED
    if grant.suspended:
        return Refusal.KEY_SUSPENDED
    if grant.status is not ACTIVE or (grant.expires_at is not None and now >= grant.expires_at.timestamp()):
        return Refusal.KEY_EXPIRED
    if in_query and not grant.allow_query:
        return Refusal.INVALID_REQUEST
    if address is not None and grant.allowed_addresses and not address_allowed(grant, address):
        return Refusal.ADDRESS_NOT_ALLOWED
    if permission is not None and not grant.permits(permission):
        return Refusal.INSUFFICIENT_PERMISSION
    if networks and not grant.opens(networks):
        return Refusal.NETWORK_NOT_ALLOWED
    return None


def forgiven(grant: Grant) -> Grant:
    """The grant as it is judged where the key only ends its own power: suspended, expired or from anywhere, it may."""
    status = Status.ACTIVE if grant.status is Status.EXPIRED else grant.status
    return replace(grant, suspended=False, status=status, expires_at=None, allowed_addresses=())


def judge_again(
    grant: Grant | None,
    digest: str,
    permission: str | None,
    now: float,
    *,
    address: str | None = None,
    networks: tuple[str, ...] = (),
) -> Refusal | None:
    """Why a request with what is or was a secret of the key would be refused at `now`; None: it would not.

    Also for what is done behind the gate, right before it is committed. `grant` None: there is no such key any more.
    """
    if grant is None or grant.status is Status.DELETED:
        return Refusal.INVALID_KEY
    if not grant.accepts(digest, now):
        return _why_ended(grant)
    return judge_grant(grant, permission, now, address=address, networks=networks)


def address_allowed(grant: Grant, address: str) -> bool:
    """Whether the grant allows the caller's address. One that cannot be parsed is outside every network."""
    return ip_addresses.is_within_any(address, grant.allowed_addresses)
