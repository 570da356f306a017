"""A revocation over HTTP tells what the key made, and ends that too if asked; giving oneself up only tells."""

from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management

LEAF = {"name": "leaf", "permissions": ["sensors:read"]}
ADMIN = {"name": "admin", "permissions": ["admin"]}


def make(api: Management, by: dict[str, Any], body: dict[str, Any] = LEAF) -> dict[str, Any]:
    answer = api.ask("POST", "/v1/keys", key=by["key"], json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def status(api: Management, *keys: dict[str, Any]) -> list[str]:
    return [api.ask("GET", f"/v1/keys/{key['id']}").json["status"] for key in keys]


@pytest.fixture
def family(api: Management) -> tuple[dict[str, Any], ...]:
    """A stolen key, a key that it made, one that this made, and one of the owner's that this renewed."""
    stolen, owner_s = api.create(permissions=["admin"]), api.create()
    made = make(api, stolen, ADMIN)
    leaf = make(api, made)
    renewed = api.ask("POST", f"/v1/keys/{owner_s['id']}/rotate", key=made["key"], json={})
    assert renewed.status_code == 200
    return stolen, made, leaf, owner_s


def test_it_tells_and_ends_nothing_else_unless_asked(api: Management, family: tuple[dict[str, Any], ...]) -> None:
    stolen, made, leaf, owner_s = family
    told = api.ask("POST", f"/v1/keys/{stolen['id']}/revoke", json={}).json
    assert sorted(told["made"]) == sorted(key["id"] for key in (made, leaf, owner_s))
    assert (told["renewed"], told["made_complete"]) == ([owner_s["id"]], True)
    assert status(api, *family) == ["revoked", "active", "active", "active"]
    none = api.ask("POST", f"/v1/keys/{leaf['id']}/revoke", json={}).json
    assert (none["made"], none["renewed"], none["made_complete"]) == ([], [], True)


def test_also_made_ends_them_with_one_receipt(api: Management, family: tuple[dict[str, Any], ...]) -> None:
    stolen, made, leaf, owner_s = family
    body = {"also_made": True, "made_since": "2026-01-01T00:00:00Z", "reason": "key-compromise"}
    told = api.ask("POST", f"/v1/keys/{stolen['id']}/revoke", json=body).json
    assert told["renewed"] == [owner_s["id"]]
    assert told["receipt"]["propagated"]
    assert status(api, *family) == ["revoked", "revoked", "revoked", "active"]
    for key in (made, leaf):
        problem(api.ask("GET", "/v1/keys/self", key=key["key"]), 401, "key-revoked")
        assert api.ask("GET", f"/v1/keys/{key['id']}").json["revocation_reason"] == "key-compromise"


def test_of_many_it_tells_for_all_of_them_also_before(api: Management, family: tuple[dict[str, Any], ...]) -> None:
    stolen, made, leaf, owner_s = family
    body = {"ids": [stolen["id"], leaf["id"]], "also_made": True}
    would = api.ask("POST", "/v1/keys/revoke", json=body | {"dry_run": True}).json
    assert sorted(would["made"]) == sorted((made["id"], owner_s["id"]))
    assert status(api, *family) == ["active"] * 4
    done = api.ask("POST", "/v1/keys/revoke", json=body).json
    assert (sorted(done["made"]), done["renewed"]) == (sorted(would["made"]), [owner_s["id"]])
    assert status(api, *family) == ["revoked", "revoked", "revoked", "active"]


@pytest.mark.parametrize("path", ["/v1/keys/{}/revoke", "/v1/keys/revoke"])
def test_since_a_time_to_come_is_refused(api: Management, path: str) -> None:
    key = api.create()["id"]
    body = {"made_since": "2999-01-01T00:00:00Z"} | ({} if "{}" in path else {"ids": [key]})
    told = problem(api.ask("POST", path.format(key), json=body), 422, "invalid-body")
    assert told["errors"] == {"/made_since": ["must not be in the future"]}


def test_who_gives_itself_up_is_told_and_ends_no_other(api: Management, family: tuple[dict[str, Any], ...]) -> None:
    """It may do so suspended, or without admin: then it must not have the power to end others."""
    stolen, made, leaf, owner_s = family
    refused = api.ask("POST", "/v1/keys/self/revoke", key=stolen["key"], json={"also_made": True})
    assert "/also_made" in problem(refused, 422, "invalid-body")["errors"]
    told = api.ask("POST", "/v1/keys/self/revoke", key=stolen["key"], json={}).json
    assert sorted(told["made"]) == sorted(key["id"] for key in (made, leaf, owner_s))
    assert status(api, *family) == ["revoked", "active", "active", "active"]
