"""Everything of sensors' RabbitMQ account against the running system; then an account with every right, which receivers
refuse. Nothing changes, and each attempt is counted.
"""

import re
import uuid
from typing import Any

import httpx
import msgspec
import pytest
from amqp import Message
from amqp.exceptions import AccessRefused
from kombu import Connection
from sqlalchemy import select

from services.usage import tables
from shared.contracts.envelope import CloudEvent
from shared.contracts.usage import BatchesCounted
from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, digest_of, with_checksum
from shared.sql.database import Database
from tests.e2e.running import Distributed, eventually
from tests.examples import NOON
from tests.usage_examples import batch, record

SERVICES = ("keys", "auth", "usage", "sensors")
FORGED = with_checksum(PREFIX + "9" * BODY_CHARACTERS)
# Of the tests' own account, which may publish anywhere; no receiver knows it.
UNKNOWN = "grillo"
pytestmark = pytest.mark.xdist_group("distributed")


def events(organisation_id: str) -> dict[str, list[tuple[str, Any]]]:
    """Exchange → what a thief would say there."""
    created = CloudEvent(
        id="forged",
        source="/grillo/keys",
        type="KeyCreated",
        time=NOON,
        subject="key_forged",
        epoch="forged",
        position=1_000_000,
        hash="0" * 64,
        data={
            "key_id": "key_forged",
            "organisation_id": organisation_id,
            "digest": digest_of(FORGED),
            "hint": "grl_9999…9999",
            "permissions": ["admin"],
            "expires_at": None,
            "allow_query": True,
            "allowed_addresses": [],
            "minute_limit": None,
            "day_limit": None,
        },
    )
    counted = BatchesCounted(batches=(("every segment", 0),))
    used = {"last_used": {"key_forged": "2026-11-28T12:00:00Z"}, "used_at": {}}
    return {
        "keys.events": [(type_, created) for type_ in ("KeyCreated", "KeyRevoked", "TierChanged", "KeyRotated")],
        "usage.events": [("BatchesCounted", counted), ("KeyUsed", used), ("AlertRaised", {})],
    }


def publish(uri: str, exchange: str, routing_key: str, body: object, **properties: Any) -> None:
    """Raises AccessRefused."""
    message = Message(
        msgspec.json.encode(body), content_type="application/json", content_encoding="utf-8", **properties
    )
    with Connection(uri) as connection:
        connection.channel().basic_publish_confirm(message, exchange=exchange, routing_key=routing_key)


def count(distributed: Distributed, service: str, metric: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{metric} (\S+)$", distributed.stack.metrics(service), re.M))


def refused(distributed: Distributed, service: str, reason: str) -> float:
    return count(distributed, service, rf'grillo_messages_refused_total{{reason="{reason}"}}')


def test_sensors_account_says_nothing_for_others(distributed: Distributed) -> None:
    uri = distributed.stack.amqp_uri("sensors")
    forged = [
        *((exchange, *said) for exchange, all_said in events(distributed.organisation).items() for said in all_said),
        ("auth.events", "KeyCreated", {}),
        ("", "auth.follows.keys", {}),
        ("", "usage.follows.auth.RequestMetered", {}),
        ("grillo.dead", "auth.follows.keys", {}),
        ("auth.replayed", "auth.follows.keys", {}),
        ("nameko-rpc", "keys.revoke_key", {"args": [], "kwargs": {}}),
        ("nameko-rpc", "auth.verify", {"args": [], "kwargs": {}}),
    ]
    for exchange, routing_key, body in forged:
        with pytest.raises(AccessRefused):
            publish(uri, exchange, routing_key, body, user_id="sensors")
    # An answer may be sent to anybody, whose reply queue has a name that nobody can guess; it reaches none.
    publish(uri, "nameko-rpc", str(uuid.uuid4()), {"result": [], "error": None}, user_id="sensors")
    assert_nothing_changed(distributed)


@pytest.mark.parametrize("properties", [{"user_id": UNKNOWN}, {}], ids=["another's", "without"])
def test_what_rights_let_through_is_refused_by_each_receiver_and_counted(
    distributed: Distributed, properties: dict[str, str]
) -> None:
    uri = distributed.stack.amqp_uri(UNKNOWN)
    reason = "event-of-another" if properties else "no-account"
    before = {service: refused(distributed, service, reason) for service in SERVICES}
    said = 0
    for exchange, all_said in events(distributed.organisation).items():
        for routing_key, body in all_said:
            publish(uri, exchange, routing_key, body, **properties)
            said += exchange == "keys.events" or routing_key == "BatchesCounted"
    for service in SERVICES:  # each has a gate, which hears every event of keys and each BatchesCounted
        wanted = before[service] + said
        eventually(lambda service=service: refused(distributed, service, reason), lambda told, of=wanted: told >= of)  # type: ignore[misc]
    assert_nothing_changed(distributed)


def test_a_batch_of_another_service_s_segment_counts_nothing(distributed: Distributed) -> None:
    key_id, secret = distributed.create_key("sensors:read")
    requests(distributed, secret, f"/v1/keys/{key_id}")
    used = eventually(lambda: total(distributed, key_id), lambda used: used == 3)
    segments = segments_of(distributed, "keys")
    assert segments
    forged = record(key_id=key_id, organisation_id=distributed.organisation, request_id="forged")
    attempts = count(distributed, "usage", r'grillo_usage_batches_total{outcome="foreign"}')
    uri = distributed.stack.amqp_uri("sensors")
    for segment in segments:
        for start in (0, 10_000_000):
            body = msgspec.to_builtins(batch(forged, segment=segment, start=start))
            publish(uri, "auth.events", "RequestMetered", body, user_id="sensors")
    told = attempts + 2 * len(segments)
    eventually(
        lambda: count(distributed, "usage", r'grillo_usage_batches_total{outcome="foreign"}'),
        lambda foreign: foreign >= told,
    )
    assert refused(distributed, "usage", "batch-of-another") >= 2 * len(segments)
    assert total(distributed, key_id) == used
    assert_nothing_changed(distributed)


def requests(distributed: Distributed, secret: str, path: str) -> None:
    """Answered by keys, whose gate meters them in segments of keys."""
    with distributed.client(secret) as client:
        for _ in range(3):
            assert client.get(path).status_code == 403


def segments_of(distributed: Distributed, account: str) -> list[str]:
    """As usage's own database tells; a gate of any service hears their names in BatchesCounted."""
    database = Database(distributed.stack.databases()["usage"])
    table = tables.segment_account
    with database.reading() as tx:
        segments = list(tx.execute(select(table.c.segment).where(table.c.account == account)).scalars())
    database.close()
    return segments


def total(distributed: Distributed, key_id: str) -> int:
    with distributed.admin() as admin:
        used: int = admin.get(f"/v1/keys/{key_id}/usage").raise_for_status().json()["total"]
    return used


def assert_nothing_changed(distributed: Distributed) -> None:
    """The forged key opens nothing anywhere, and the owner's everything."""
    for service, path in (("keys", "/v1/keys"), ("usage", "/v1/usage"), ("sensors", "/v1/sensors")):
        url = distributed.stack.public_url(service)
        # 429: this address tried many forged keys before, and is slowed down.
        for key, statuses in ((FORGED, {401, 429}), (distributed.admin_key, {200})):
            answer = httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=30)
            assert answer.status_code in statuses, (service, answer.text)
    distributed.create_key("sensors:read")  # and what is genuine goes on
