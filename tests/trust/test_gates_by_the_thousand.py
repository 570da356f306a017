"""Who holds the internal token of sensors invents gates, speaks for those of others and removes them: in vain.

A receipt waits for a lease once, names every gate that there is, and the next one waits for nobody.
"""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from shared.contracts.errors import NotAllowed
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT
from shared.messaging.rpc.call import call
from shared.messaging.rpc.feed import feed_service
from tests.e2e.running import Distributed

INVENTED, GATES_MAX = 1000, 64
REFUSED = re.compile(r'^grillo_gates_refused_total{reason="(\w+)"} (\S+)$', re.M)


@pytest.fixture
def thief(distributed: Distributed) -> httpx.Client:
    """At the internal door of keys, with all that sensors has."""
    return at_the_door(distributed, "keys")


def at_the_door(distributed: Distributed, of: str, account: str = "sensors") -> httpx.Client:
    token = distributed.stack.environment(account)["INTERNAL_TOKEN"]
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=distributed.stack.internal_url(of), headers=headers, timeout=60)


def pull_over_rpc(amqp_uri: str, gate: str) -> object:
    acknowledgement = {"gate": gate, "position": 1}
    return call(amqp_uri, feed_service("keys"), "pull", None, acknowledgement, seconds_max=30)


def receipt(distributed: Distributed) -> dict[str, Any]:
    """Of the revocation of a key made for it."""
    key_id, _ = distributed.create_key("sensors:read")
    with distributed.admin() as admin:
        answer = admin.post(f"/v1/keys/{key_id}/revoke")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["receipt"]
    return found


def applied(receipt: dict[str, Any]) -> set[str]:
    return {gate["id"] for gate in receipt["gates"] if "applied_ms" in gate}


def refused(distributed: Distributed) -> Counter[str]:
    return Counter({reason: int(float(count)) for reason, count in REFUSED.findall(distributed.stack.metrics("keys"))})


def test_invented_gates_cost_a_receipt_one_lease_and_no_line_of_a_gate_that_lives(
    distributed: Distributed, thief: httpx.Client
) -> None:
    genuine, before = applied(receipt(distributed)), refused(distributed)

    def acknowledge(gate: str) -> int:
        return thief.get("/internal/feed", params={"gate": gate, "events": 1}).status_code

    with ThreadPoolExecutor(4) as pool:
        answered = Counter(pool.map(acknowledge, (f"invented_{number}" for number in range(INVENTED))))
        spoken_for = dict(zip(genuine, pool.map(acknowledge, genuine), strict=True))
    assert answered == {200: GATES_MAX - 1, 503: INVENTED - GATES_MAX + 1}, "one gate is its own"
    foreign = {gate for gate, status in spoken_for.items() if status == 403}
    assert len(foreign) == len(genuine) - 1
    assert {thief.delete(f"/internal/gates/{gate}").status_code for gate in foreign} == {403}
    for gate in foreign:
        with pytest.raises(NotAllowed, match="foreign"):
            pull_over_rpc(distributed.stack.amqp_uri("sensors"), gate)

    delayed = receipt(distributed)
    assert delayed["propagated"]
    assert applied(delayed) == genuine
    assert delayed["elapsed_ms"] <= (LEASE_SECONDS_DEFAULT + 1) * 1000
    assert len(delayed["gates"]) <= len(genuine) + GATES_MAX - 1
    assert {gate["id"] for gate in receipt(distributed)["gates"]} == genuine
    counted = refused(distributed) - before
    assert counted == {"cap": answered[503], "foreign": 3 * len(foreign)}


def test_an_account_is_answered_what_it_needs_and_no_more(distributed: Distributed) -> None:
    asked = {
        (account, of, path): at_the_door(distributed, of, account).get(path).status_code
        for account in ("keys", "sensors")
        for of, path in (
            ("auth", "/internal/checkpoint"),
            ("usage", "/internal/checkpoint"),
            ("auth", "/internal/grants"),
            ("keys", "/metrics"),
        )
    }
    assert {what for what, status in asked.items() if status == 200} == {
        ("keys", "auth", "/internal/checkpoint"),
        ("keys", "usage", "/internal/checkpoint"),
        ("keys", "auth", "/internal/grants"),
        ("sensors", "auth", "/internal/grants"),
    }
    assert {status for status in asked.values() if status != 200} == {403}
    prometheus = {"Authorization": f"Bearer {distributed.stack.secrets['PROMETHEUS_INTERNAL_TOKEN']}"}
    assert httpx.get(f"{distributed.internal_url}/internal/feed", headers=prometheus).status_code == 403
