"""A key mints no more than itself: what a bounded admin key may create, renew and widen, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management

IN_AN_HOUR = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
IN_A_DAY = (datetime.now(UTC) + timedelta(days=1)).isoformat()
# What bounds the key; the same for another, within it; and beyond it.
BOUNDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "expires_at": ({"expires_at": IN_A_DAY}, {"expires_at": IN_AN_HOUR}, {"expires_at": None}),
    "minute_limit": ({"limits": {"minute": 50}}, {"limits": {"minute": 5}}, {"limits": {"minute": 51}}),
    "day_limit": ({"limits": {"day": 50}}, {"limits": {"day": 5}}, {"limits": {"day": None}}),
    # The test client's own address is 127.0.0.1.
    "allowed_addresses": (
        {"allowed_addresses": ["127.0.0.0/8"]},
        {"allowed_addresses": ["127.1.0.0/16"]},
        {"allowed_addresses": ["127.0.0.0/8", "192.0.2.7"]},
    ),
}
MEMBERS = {"minute_limit": "limits.minute", "day_limit": "limits.day"}
BODY = {"name": "key", "permissions": ["sensors:read"]}
each_bound = pytest.mark.parametrize("bound", BOUNDS)


def refused(answer: Any, bound: str) -> None:
    told = problem(answer, 403, "beyond-own-bounds")
    assert told["detail"].startswith(MEMBERS.get(bound, bound)), told["detail"]


@each_bound
def test_it_creates_within_its_bounds_and_not_beyond(api: Management, bound: str) -> None:
    own, inside, beyond = BOUNDS[bound]
    maker = api.create(permissions=["admin"], **own)["key"]
    assert api.ask("POST", "/v1/keys", key=maker, json=BODY | inside).status_code == 201
    refused(api.ask("POST", "/v1/keys", key=maker, json=BODY | beyond), bound)
    before = len(api.ask("GET", "/v1/keys").json["data"])
    refused(api.ask("POST", "/v1/keys", key=maker, json=BODY), bound)
    assert len(api.ask("GET", "/v1/keys").json["data"]) == before


@each_bound
def test_it_renews_no_key_that_may_more(api: Management, bound: str) -> None:
    own, inside, _ = BOUNDS[bound]
    maker = api.create(permissions=["admin"], **own)["key"]
    wide, narrow = api.create()["id"], api.create(**inside)["id"]
    refused(api.ask("POST", f"/v1/keys/{wide}/rotate", key=maker, json={}), bound)
    refused(api.ask("PATCH", f"/v1/keys/{wide}", key=maker, json={"regenerate": True}), bound)
    assert api.ask("POST", f"/v1/keys/{narrow}/rotate", key=maker, json={}).status_code == 200
    # Made as narrow as itself by the same edit, it may be renewed.
    assert api.ask("PATCH", f"/v1/keys/{wide}", key=maker, json={"regenerate": True} | inside).status_code == 200


@each_bound
def test_it_widens_none_beyond_its_own_and_narrows_any(api: Management, bound: str) -> None:
    own, inside, beyond = BOUNDS[bound]
    made = api.create(permissions=["admin"], **own)
    narrow, wide = api.create(**inside)["id"], api.create()["id"]
    refused(api.ask("PATCH", f"/v1/keys/{narrow}", key=made["key"], json=beyond), bound)
    assert api.ask("PATCH", f"/v1/keys/{narrow}", key=made["key"], json=own).status_code == 200
    assert api.ask("PATCH", f"/v1/keys/{wide}", key=made["key"], json={"name": "other"}).status_code == 200
    assert api.ask("PATCH", f"/v1/keys/{wide}", key=made["key"], json=inside).status_code == 200
    for verb in ("suspend", "resume", "revoke"):
        assert api.ask("POST", f"/v1/keys/{wide}/{verb}", key=made["key"], json={}).status_code == 200


@each_bound
def test_itself_it_renews_and_narrows_and_does_not_widen(api: Management, bound: str) -> None:
    own, inside, beyond = BOUNDS[bound]
    made = api.create(permissions=["admin"], **own)
    path = f"/v1/keys/{made['id']}"
    key = api.ask("POST", f"{path}/rotate", key=made["key"], json={}).json["key"]
    refused(api.ask("PATCH", path, key=key, json=beyond), bound)
    refused(api.ask("PATCH", path, key=key, json=beyond | {"regenerate": True}), bound)
    if bound != "allowed_addresses":
        assert api.ask("PATCH", path, key=key, json=inside).status_code == 200
        refused(api.ask("PATCH", path, key=key, json=own), bound)
    # Who is not bounded may.
    assert api.ask("PATCH", path, json=beyond).status_code == 200


def test_a_key_without_bounds_makes_what_it_likes(api: Management) -> None:
    maker = api.create(permissions=["admin"], allow_query=False)["key"]
    for _, inside, _ in BOUNDS.values():
        assert api.ask("POST", "/v1/keys", key=maker, json=BODY | inside).status_code == 201
    assert api.ask("POST", "/v1/keys", key=maker, json=BODY).status_code == 201
