"""Somebody holds all that a service has, under load: he decides nothing for others, delays no receipt beyond a lease
and a second, and is counted. So is who may publish what he likes. Auth has a say in what a starting gate believes.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import kombu
import msgspec
import pytest

from shared.contracts.usage import BatchesCounted
from shared.messaging.exchanges import broadcast_queue, events_of
from shared.replication.proof.signatures import Signer
from shared.values.accounts import SERVICES
from tests import local_http
from tests.e2e.running import Distributed, eventually
from tests.trust import attacks
from tests.trust.attacker import Attacker, publish
from tests.trust.forger import count, events_of_each_type, forged_messages, head_of, in_envelope, refused
from tests.trust.impostor import Impostor
from tests.trust.middle import Middle
from tests.trust.siege import (
    Known,
    Siege,
    assert_came_in_time,
    assert_the_truth_was_told,
    counted_by,
    gates_of,
    receipt_of,
)
from tests.trust.witnesses import Witnesses

# How many of each service hear what keys say: its gate, and the worker of one that follows.
HEARERS = {"keys": 1, "auth": 2, "usage": 2, "sensors": 1}
# Of the tests' own account, which may publish anywhere; no receiver knows it.
UNKNOWN = "grillo"
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(1800)]


@pytest.mark.parametrize("service", ["sensors", "usage", "auth"])
def test_who_holds_a_service_decides_nothing_for_others(distributed: Distributed, middle: Middle, service: str) -> None:
    known = Known(distributed)
    attacker = Attacker(distributed, service, known.victims)
    impostor = Impostor(attacker, known.victims)
    with Siege(distributed, known, attacker.others) as siege:
        attacks.speak_for_others(siege, attacker)
        attacks.meter_for_others(siege, attacker)
        if service == "usage":
            attacks.swallow_batches(siege, attacker)
        attacks.answer_in_keys_place(siege, middle, impostor)
        attacks.invent_gates(siege, attacker)
    siege.assert_held()
    assert {gate["id"] for gate in receipt_of(distributed)["gates"]} == gates_of(distributed, SERVICES)
    if service != "auth":  # whose snapshots are its own to sign: below
        starting = "usage" if service == "sensors" else "sensors"
        attacks.answer_in_auth_s_place(siege, known, middle, impostor, starting)
    attacker.close()


def test_made_up_gates_cost_one_receipt_a_lease_and_a_second_at_most_and_the_next_one_nothing(
    distributed: Distributed,
) -> None:
    genuine = gates_of(distributed, SERVICES)
    attacker = Attacker(distributed, "sensors", Known(distributed).victims)
    answered = Counter(map(attacker.acknowledges, (f"made-up-{number}" for number in range(attacks.GATES_MAX + 5))))
    assert answered == {200: attacks.GATES_MAX - 1, 503: 6}, "one gate is its own"
    delayed = receipt_of(distributed)
    assert_came_in_time(delayed, genuine)
    assert len(delayed["gates"]) == len(genuine) + attacks.GATES_MAX - 1
    assert {gate["id"] for gate in receipt_of(distributed)["gates"]} == genuine
    attacker.close()


def test_who_publishes_what_he_likes_makes_nobody_believe_him(distributed: Distributed) -> None:
    """With the rights of keys on RabbitMQ and without its signing key; and with all rights, in another name or none."""
    stack, known = distributed.stack, Known(distributed)
    with Siege(distributed, known, sorted(SERVICES)) as siege, keys_account(distributed) as (heard, say):
        genuine = eventually(heard, bool)
        forged = list(forged_messages(known.victims, head_of(stack), genuine))
        with counted_by(HEARERS, lambda of: count(stack, of, "grillo_unproved_total") // HEARERS[of], by=len(forged)):
            for message in forged:
                say(message)
        said: list[tuple[str, str, object]] = [
            ("keys.events", type(event).__name__, in_envelope(event, head_of(stack)))
            for event in events_of_each_type(known.victims)
        ]
        said.append(("usage.events", "BatchesCounted", BatchesCounted(batches=(("every segment", 0),))))
        for reason, properties in (("event-of-another", {"user_id": UNKNOWN}), ("no-account", {})):
            with counted_by(SERVICES, partial(refused, stack, reason=reason), by=len(said)):
                for exchange, routing_key, body in said:
                    publish(stack.amqp_uri(UNKNOWN), exchange, routing_key, body, **properties)
    siege.assert_held()


def test_who_holds_auth_has_a_say_in_what_a_starting_gate_believes_and_in_nothing_else(
    distributed: Distributed, middle: Middle
) -> None:
    stack, known = distributed.stack, Known(distributed)
    attacker = Attacker(distributed, "auth", known.victims)
    impostor, signer = Impostor(attacker, known.victims), Signer(stack.settings("auth")["AUTH_SIGNING_KEY"])
    forged = {"Authorization": f"Bearer {known.victims.forged}"}
    with Witnesses(stack, known.secrets, ["usage", "sensors"]) as at_gates_that_run:
        middle.answer = lambda asked: (
            impostor.snapshot_signed_by(signer, asked) if asked.path == "/internal/grants" else None
        )
        try:
            stack.restart("keys")
        finally:
            middle.answer = None
        with local_http.client(base_url=stack.public_url("keys"), headers=forged, timeout=30) as thief:
            assert thief.get("/v1/keys").status_code == 200, "stated in docs/threat-model.md"
            refusal = thief.post("/v1/keys", json={"name": "made by auth", "permissions": ["admin"]})
            assert (refusal.status_code, refusal.json()["type"].rsplit("/", 1)[1]) == (401, "invalid-key")
            at_gates_that_run.until_each_was_tried_twice()
            stack.restart("keys")
            assert thief.get("/v1/keys").status_code == 401
    assert_the_truth_was_told(at_gates_that_run, ["usage", "sensors"])
    attacker.close()


@contextmanager
def keys_account(distributed: Distributed) -> Iterator[tuple[Any, Any]]:
    """On RabbitMQ: what it hears of keys' own messages, the newest, if any; and how it says one."""
    with kombu.Connection(distributed.stack.amqp_uri("keys")) as connection:
        channel = connection.default_channel
        ear = broadcast_queue("keys", "keys")(channel)
        ear.declare()
        producer = kombu.Producer(channel)

        def heard() -> dict[str, Any] | None:
            messages = [message.decode() for message in iter(lambda: ear.get(no_ack=True), None)]
            return messages[-1] if messages else None

        def say(body: dict[str, Any]) -> None:
            written = {"content_type": "application/json", "content_encoding": "utf-8", "user_id": "keys"}
            producer.publish(msgspec.json.encode(body), exchange=events_of("keys"), routing_key=body["type"], **written)

        yield heard, say


def test_an_account_is_answered_what_it_needs_and_no_more(distributed: Distributed) -> None:
    known = Known(distributed).victims
    asked = {
        (account, of, path): Attacker(distributed, account, known).door(of).get(path).status_code
        for account in ("keys", "sensors")
        for of, path in (
            ("auth", "/internal/anchors"),
            ("usage", "/internal/anchors"),
            ("auth", "/internal/dead"),
            ("usage", "/internal/dead"),
            ("auth", "/internal/grants"),
            ("keys", "/metrics"),
        )
    }
    assert {what for what, status in asked.items() if status == 200} == {
        ("keys", "auth", "/internal/anchors"),
        ("keys", "usage", "/internal/anchors"),
        ("keys", "auth", "/internal/dead"),
        ("keys", "usage", "/internal/dead"),
        ("keys", "auth", "/internal/grants"),
        ("sensors", "auth", "/internal/grants"),
        ("keys", "keys", "/metrics"),  # which the console shows to those who run the system
    }
    assert {status for status in asked.values() if status != 200} == {403}
    prometheus = {"Authorization": f"Bearer {distributed.stack.secrets['PROMETHEUS_INTERNAL_TOKEN']}"}
    assert local_http.get(f"{distributed.internal_url}/internal/feed", headers=prometheus).status_code == 403
