"""POST /v1/keys/verify: the gate's verdict on a key that somebody presented to another back end."""

from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from services.auth import key_verification
from shared.gate.grants.grant import Limits
from shared.web.application import application
from tests.gate_examples import secret
from tests.integration.web.asking import bearer, problem
from tests.integration.web.tiny import KEYS, PUBLIC_URL, Tiny, tiny


class Door:
    def __init__(self, app: Tiny) -> None:
        self.app = app
        routes = key_verification.routes()
        self.client = testing.TestClient(
            application("auth", routes, app.gate, app.clock, public_url=PUBLIC_URL, is_ready=lambda: True)
        )

    def ask(self, key: str, by: str = "chief", **more: Any) -> testing.Result:
        return self.client.simulate_post("/v1/keys/verify", headers=bearer(by), json={"key": key, **more})


@pytest.fixture
def door(app: Tiny) -> Door:
    return Door(app)


@pytest.mark.parametrize(
    ("name", "permission", "refusal"),
    [
        ("reader", None, None),
        ("reader", "sensors:read", None),
        ("reader", "read:networks", None),
        ("reader", "write:sensors", "insufficient-permission"),
        ("revoked", None, "key-revoked"),
        ("expired", None, "key-expired"),
        ("elsewhere", None, None),  # its address is not the asking back end's
        ("untiered", None, "invalid-key"),  # of another organisation
    ],
)
def test_the_verdict_is_the_gates_and_charges_nobody_but_who_asks(
    door: Door, name: str, permission: str | None, refusal: str | None
) -> None:
    answer = door.ask(KEYS[name], permission=permission)
    assert answer.status_code == 200
    assert (answer.json["valid"], answer.json["problem"]) == (refusal is None, refusal)
    assert (answer.json["key_id"] is None) == (refusal == "invalid-key")
    assert answer.headers["Cache-Control"] == "private, no-store"
    (record,) = door.app.recorded()
    assert record[2:8] == ["key_12", "org_railway", "POST", "/v1/keys/verify", 200, 1]


def test_it_holds_no_slot_of_anybody(tmp_path: Path) -> None:
    door = Door(tiny(tmp_path, policy={"free": Limits(minute=60, day=None, concurrent=0)}))
    assert door.ask(KEYS["reader"]).status_code == 200


def test_what_the_key_may_do_is_told(door: Door) -> None:
    assert door.ask(KEYS["small"]).json == {
        "valid": True,
        "problem": None,
        "key_id": "key_8",
        "organisation": "org_railway",
        "permissions": ["sensors:read"],
        "networks": None,
        "effective_limits": {"minute": 2, "day": 3, "concurrent": None},
    }


@pytest.mark.parametrize("key", ["", "nonsense", secret(99), secret(99)[:-1] + "x", "x" * 1000])
def test_what_is_no_key_is_no_fault_of_the_question(door: Door, key: str) -> None:
    answer = door.ask(key)
    assert (answer.json["valid"], answer.json["problem"], answer.json["permissions"]) == (False, "invalid-key", [])


def test_a_charged_verdict_spends_and_is_recorded_as_the_keys_own_request(door: Door) -> None:
    asked = [door.ask(KEYS["small"], charge=True).json for _ in range(3)]
    assert [answer["problem"] for answer in asked] == [None, None, "quota-exceeded"]
    assert door.ask(KEYS["small"]).json["problem"] == "quota-exceeded"
    of_the_key = [record for record in door.app.recorded() if record[2] == "key_8"]
    assert [record[4:8] for record in of_the_key] == [
        ["POST", "/v1/keys/verify", 200, 1],
        ["POST", "/v1/keys/verify", 200, 1],
        ["POST", "/v1/keys/verify", 429, 0],
    ]


def test_only_who_may_manage_keys_may_ask_and_a_key_is_never_repeated(door: Door) -> None:
    problem(door.ask(KEYS["reader"], by="writer"), 403, "insufficient-permission")
    key = KEYS["reader"]
    for body in ({"key": [key]}, {"key": key, "permission": key}, {"key": key, key: 1}, {"kee": key}):
        answer = door.client.simulate_post("/v1/keys/verify", headers=bearer("chief"), json=body)
        problem(answer, 422, "invalid-body")
        assert key not in answer.text


def test_a_gate_that_does_not_know_says_so_instead_of_a_verdict(door: Door) -> None:
    problem(door.ask(KEYS["parked"]), 503, "unavailable")


def test_a_network_that_is_named_must_be_among_the_key_s_own(door: Door) -> None:
    for name, network_id, refusal in (
        ("scoped", "net_1", None),
        ("scoped", "net_2", "network-not-allowed"),
        ("scoped", None, None),
        ("reader", "net_2", None),
    ):
        told = door.ask(KEYS[name], network_id=network_id, charge=True).json
        assert (told["problem"], told["networks"]) == (refusal, ["net_1"] if name == "scoped" else None)
    of_the_key = [record for record in door.app.recorded() if record[2] == "key_13"]
    assert [record[6:8] for record in of_the_key] == [[200, 1], [403, 0], [200, 1]]
    for wrong in ("", "x" * 33, "a\tb", 7, ["net_1"]):
        problem(door.ask(KEYS["scoped"], network_id=wrong), 422, "invalid-body")
