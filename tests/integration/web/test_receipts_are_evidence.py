"""Each receipt can be checked with the public keys that the API publishes, and shows the caller's own rows alone."""

import json
from typing import Any

import pytest

from shared.replication.proof.receipt_proof import Proof, ReceiptShown, from_base64url, verified
from tests.integration.web.management import Management

CHANGES: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "rotate": ("POST", "/rotate", {}, ["KeyRotated"]),
    "suspend": ("POST", "/suspend", {}, ["KeySuspended"]),
    "fewer permissions": ("PATCH", "", {"permissions": ["sensors:read"]}, ["KeyPermissionsChanged"]),
    "revoke": ("POST", "/revoke", {"reason": "key-compromise"}, ["KeyRevoked"]),
    "delete": ("DELETE", "", {}, ["KeyRevoked", "KeyDeleted"]),
}


def public_keys(api: Management) -> dict[str, str]:
    answer = api.client.simulate_get("/.well-known/grillo-keys")
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    return {key["kid"]: from_base64url(key["x"]) for key in answer.json["keys"]}


def checked(api: Management, answer: dict[str, Any]) -> tuple[ReceiptShown, Proof]:
    return verified(answer["receipt"], public_keys(api))


@pytest.mark.parametrize("name", CHANGES)
def test_a_receipt_shows_the_rows_of_its_change_and_of_nobody_else(api: Management, name: str) -> None:
    method, path, body, events = CHANGES[name]
    stranger = api.another_organisation()
    changed = api.create(permissions=["sensors:read", "events:read"])
    other = api.ask("POST", "/v1/keys", key=stranger, json={"name": "theirs", "permissions": ["events:read"]}).json
    answer = api.ask(method, f"/v1/keys/{changed['id']}{path}", json=body).json
    receipt, proof = checked(api, answer)
    assert [row.type for row in proof.rows] == events
    assert {row.stream for row in proof.rows} == {changed["id"]}
    assert receipt.position == proof.rows[-1].position
    assert other["id"] not in json.dumps(answer)


def test_a_revocation_asked_for_again_proves_the_first_one(api: Management) -> None:
    key_id = api.create()["id"]
    first = api.ask("POST", f"/v1/keys/{key_id}/revoke", json={}).json
    api.create()
    again = api.ask("POST", f"/v1/keys/{key_id}/revoke", json={}).json
    assert again["receipt"]["position"] > first["receipt"]["position"]
    assert checked(api, again)[1].rows == checked(api, first)[1].rows


def test_one_receipt_of_many_shows_the_rows_of_all(api: Management) -> None:
    ids = {api.create(labels={"env": "prod"})["id"] for _ in range(3)}
    answer = api.ask("POST", "/v1/keys/revoke", json={"label": "env:prod"}).json
    assert {row.stream for row in checked(api, answer)[1].rows} == ids


def test_a_repeated_request_s_receipt_proves_how_far_the_gates_are(api: Management) -> None:
    path, headers = f"/v1/keys/{api.create()['id']}/suspend", {"Idempotency-Key": "once"}
    api.ask("POST", path, json={}, headers=headers)
    receipt, proof = checked(api, api.ask("POST", path, json={}, headers=headers).json)
    assert (proof.rows, proof.previous, receipt.propagated) == ((), None, True)
