"""A forger on the bus: whoever may publish there invents events of keys that make an admin key."""

import re
import secrets
from typing import Any

import httpx
import kombu
import msgspec

from shared.contracts.envelope import CloudEvent, to_json
from shared.eventsourcing.event_store import Head
from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, digest_of, with_checksum
from shared.messaging.exchanges import broadcast_queue, events_of
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_pushes import BEFORE, SIGNATURE, bodies
from tests.examples import NOON
from tests.stack import Stack

# Each asks its gate, with an admin key no more than it.
DOORS = {
    "keys": "/v1/keys?limit=1",
    "auth": "/v1/authorize?permission=events:read",
    "usage": "/v1/usage?nothing=1",
    "sensors": "/v1/events",
}


class Forgery:
    """An admin key that keys never made, and the event that would have made it."""

    def __init__(self, organisation: str, head: Head, *, beyond: int = 1, epoch: str | None = None) -> None:
        self.secret = with_checksum(
            PREFIX + "".join(secrets.choice("abcdef0123456789") for _ in range(BODY_CHARACTERS))
        )
        key_id = f"key_forged{secrets.token_hex(6)}"
        data = {
            "key_id": key_id,
            "organisation_id": organisation,
            "digest": digest_of(self.secret),
            "hint": "grl_0000…0000",
            "permissions": ["admin"],
        }
        self.event = CloudEvent(
            id=f"{head.epoch}-{head.position + beyond}",
            source="/grillo/keys",
            type="KeyCreated",
            time=NOON,
            subject=key_id,
            epoch=epoch or head.epoch,
            position=head.position + beyond,
            hash=secrets.token_hex(32),
            previous=head.hash if beyond == 1 else None,
            data=data,
        )


def variants(event: CloudEvent, genuine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The event's messages: as it was possible once, and with each kind of proof that a forger can come by."""
    (signed,) = bodies([event], Signer(new_private_key()))
    return {
        "without a proof": to_json(event),
        "signed by somebody": signed,
        "with another event's proof": to_json(event) | {name: genuine.get(name, "") for name in (BEFORE, SIGNATURE)},
        "as one of a page to come": to_json(event) | {BEFORE: "00" * 32},
        "no envelope": {"type": "KeyCreated", "data": event.data},
    }


class Bus:
    """What somebody with keys' own account of RabbitMQ, but not its signing key, can do with the events of keys."""

    def __init__(self, stack: Stack) -> None:
        self._connection = kombu.Connection(stack.amqp_uri("keys"))
        self._channel = self._connection.default_channel
        self._ear = broadcast_queue("keys", "keys")(self._channel)
        self._ear.declare()
        self._producer = kombu.Producer(self._channel)

    def heard(self) -> list[dict[str, Any]]:
        return [message.decode() for message in iter(lambda: self._ear.get(no_ack=True), None)]

    def publish(self, body: dict[str, Any]) -> None:
        written = {"content_type": "application/json", "content_encoding": "utf-8", "user_id": "keys"}
        encoded = msgspec.json.encode(body)
        self._producer.publish(encoded, exchange=events_of("keys"), routing_key="KeyCreated", **written)

    def close(self) -> None:
        self._connection.release()


def head_of(stack: Stack) -> Head:
    """The log's, as the internal door tells."""
    headers = {"Authorization": f"Bearer {stack.environment('keys')['INTERNAL_TOKEN']}"}
    answer = httpx.get(f"{stack.internal_url('keys')}/internal/feed?events=1", headers=headers, timeout=10)
    return msgspec.convert(answer.raise_for_status().json()["head"], type=Head)


def unproved(stack: Stack, service: str) -> int:
    """How much all processes of the service did not believe."""
    told = re.findall(r"^grillo_unproved_total\{[^}]*\} (\S+)$", stack.metrics(service), re.M)
    return round(sum(map(float, told)))
