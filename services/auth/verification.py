"""Verification of a key for other back ends: the gate's verdict, by digest.

A secret never travels on the bus. Nothing is charged to the key's quota, and nothing is metered.
"""

from dataclasses import dataclass

from services.auth.grants import GrantBook, GrantUncertain
from shared.contracts.errors import NotFound
from shared.gate.grants.grant import Grant, Status
from shared.gate.verdict import Refusal, judge_again
from shared.runtime.clock import Clock
from shared.values.permissions import ALIASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`problem`: the refusal's name, as HTTP answers carry it; None when the key may do this now.

    `networks`: ids of those whose sensors and events it opens; None: of all.
    """

    valid: bool
    problem: str | None
    key_id: str | None = None
    organisation_id: str | None = None
    permissions: tuple[str, ...] = ()
    networks: tuple[str, ...] | None = None


def verify(
    book: GrantBook,
    clock: Clock,
    digest: str,
    permission: str | None = None,
    address: str | None = None,
    network_id: str | None = None,
) -> Verification:
    """The verdict on a key. `digest`: SHA-256 of the secret, hexadecimal.

    `permission`, `address`, `network_id` None: not checked.
    """
    try:
        grant = book.by_digest(digest)
    except GrantUncertain:
        return Verification(valid=False, problem=Refusal.UNAVAILABLE.value)
    asked = permission and ALIASES.get(permission, permission)
    networks = () if network_id is None else (network_id,)
    refusal = judge_again(grant, digest, asked, clock.now().timestamp(), address=address, networks=networks)
    return _told(grant, refusal)


def verify_key(book: GrantBook, clock: Clock, organisation_id: str, key_id: str, permission: str) -> Verification:
    """The verdict on a key that asked for something earlier, by its id: for what goes on in the background.

    It proves no possession of a secret, so it is for what was admitted by one. Raises NotFound, as of a deleted key and
    of another organisation's.
    """
    try:
        grant = book.by_id(key_id)
    except GrantUncertain:
        return Verification(valid=False, problem=Refusal.UNAVAILABLE.value)
    if grant is None or grant.organisation_id != organisation_id or grant.status is Status.DELETED:
        raise NotFound
    return _told(grant, judge_again(grant, grant.digest, permission, clock.now().timestamp()))


def _told(grant: Grant | None, refusal: Refusal | None) -> Verification:
    if grant is None or refusal is Refusal.INVALID_KEY:
        return Verification(valid=False, problem=Refusal.INVALID_KEY.value)
    return Verification(
        valid=refusal is None,
        problem=None if refusal is None else refusal.value,
        key_id=grant.key_id,
        organisation_id=grant.organisation_id,
        permissions=tuple(sorted(grant.permissions)),
        networks=None if grant.networks is None else tuple(sorted(grant.networks)),
    )
