"""A forger of what keys say: an event of each type that would change who may pass, and messages and pages of them."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.contracts import keys
from shared.contracts.envelope import CloudEvent, to_json
from shared.eventsourcing.event_store import Head
from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, digest_of, with_checksum
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_pushes import BEFORE, SIGNATURE, bodies
from tests import local_http
from tests.examples import NOON
from tests.stack import Stack

HINT = "grl_0000…0000"
# Under load, what is said of the place after the head comes too late: one of the next will be right.
_NEXT = range(1, 7)


def new_secret() -> str:
    return with_checksum(PREFIX + "".join(secrets.choice("abcdef0123456789") for _ in range(BODY_CHARACTERS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Victims:
    """An organisation, a key of it that lives and one that is suspended, by id; `forged`: a secret that nobody made."""

    organisation: str
    living: str
    suspended: str
    forged: str


def events_of_each_type(victims: Victims) -> Iterator[keys.KeysEvent]:
    """Each would change the verdict on the forged secret, or on a victim, but for the warning and the tiers."""
    organisation_id = victims.organisation
    forged: dict[str, Any] = {"digest": digest_of(victims.forged), "hint": HINT}
    of: dict[str, Any] = {"organisation_id": organisation_id, "key_id": victims.living}
    yield keys.OrganisationRegistered(organisation_id=organisation_id, tier="premium")
    yield keys.TierChanged(organisation_id=organisation_id, tier="premium")
    yield keys.KeyCreated(**of | {"key_id": f"key_forged{secrets.token_hex(6)}"}, **forged, permissions=("admin",))
    yield keys.KeyPermissionsChanged(**of, permissions=("admin",))
    yield keys.KeyAccessChanged(**of, allowed_addresses=("192.0.2.1",))
    yield keys.KeyRotated(**of, **forged, rotated_at=NOON)
    yield keys.KeySuspended(**of, suspended_at=NOON)
    yield keys.KeyResumed(organisation_id=organisation_id, key_id=victims.suspended, resumed_at=NOON)
    yield keys.KeyExpiryNear(**of, expires_at=NOON, days_left=1, reason="time")
    yield keys.KeyExpired(**of, expired_at=NOON, reason="time")
    yield keys.KeyRevoked(**of, revoked_at=NOON, reason="key-compromise")
    yield keys.KeyDeleted(**of, deleted_at=NOON)


def in_envelope(event: keys.KeysEvent, head: Head, *, beyond: int = 1, epoch: str | None = None) -> CloudEvent:
    data: dict[str, Any] = msgspec.to_builtins(event)
    return CloudEvent(
        id=f"{head.epoch}-{head.position + beyond}",
        source="/grillo/keys",
        type=type(event).__name__,
        time=NOON,
        subject=data.get("key_id", data["organisation_id"]),
        epoch=epoch or head.epoch,
        position=head.position + beyond,
        hash=secrets.token_hex(32),
        previous=head.hash if beyond == 1 else None,
        data=data,
    )


def forged_messages(victims: Victims, head: Head, genuine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each event with each kind of proof that a forger can come by, and the most telling at other places, too.

    `genuine`: any message that keys signed.
    """
    for event in events_of_each_type(victims):
        yield from _variants(in_envelope(event, head), genuine)
        if isinstance(event, keys.KeyCreated):
            for beyond in _NEXT:
                yield to_json(in_envelope(event, head, beyond=beyond))
            (signed,) = bodies([in_envelope(event, head, epoch="another log")], Signer(new_private_key()))
            yield signed


def _variants(event: CloudEvent, genuine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield to_json(event)  # as it was possible once
    yield from bodies([event], Signer(new_private_key()))
    yield to_json(event) | {name: genuine.get(name, "") for name in (BEFORE, SIGNATURE)}
    yield to_json(event) | {BEFORE: secrets.token_hex(32)}  # of a page whose signature is to come
    yield {"type": event.type, "data": event.data}


def head_of(stack: Stack) -> Head:
    """The log's, as the internal door tells."""
    headers = {"Authorization": f"Bearer {stack.settings('keys')['INTERNAL_TOKEN']}"}
    answer = local_http.get(f"{stack.internal_url('keys')}/internal/feed?events=1", headers=headers, timeout=30)
    return msgspec.convert(answer.raise_for_status().json()["head"], type=Head)


def count(stack: Stack, service: str, metric: str) -> int:
    """The sum over all processes of the service, and all labels that are not named."""
    told = re.findall(rf"^{metric}(?:\{{[^}}]*\}})? (\S+)$", stack.metrics(service), re.M)
    return round(sum(map(float, told)))


def refused(stack: Stack, service: str, reason: str) -> int:
    """Messages that it did not believe, because of who sent them."""
    return count(stack, service, rf'grillo_messages_refused_total\{{reason="{reason}"\}}')
