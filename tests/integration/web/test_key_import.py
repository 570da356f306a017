"""Keys that another system made: let in by their digests, all or none; then they live as any other key."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import func, select

from services.keys import tables
from services.keys.http.schemas.request_bodies import IMPORTED_KEYS_MAX
from services.keys.lifecycle.organisation import ACTIVE_KEYS_MAX
from services.keys.views.rebuild import rebuild
from shared.gate.authentication.credential import digest_of
from shared.values import key_forms
from tests.integration.web.asking import problem
from tests.integration.web.management import Management

PATH = "/v1/keys/import"
SECRET = "acme_5b1c9e70d2f84a6396b7c1d8"
READS: dict[str, Any] = {"name": "key", "permissions": ["sensors:read"]}


def of(secret: str, **more: Any) -> dict[str, Any]:
    return READS | {"sha256": digest_of(secret)} | more


def taken(api: Management, keys: Iterable[dict[str, Any]], **parts: Any) -> Any:
    return api.ask("POST", PATH, json={"keys": list(keys)}, **parts)


def contents(api: Management) -> list[int]:
    """What a refused request must leave as it was."""
    with api.keys.database.reading() as tx:
        counted = (tables.log, tables.data_key)
        return [tx.execute(select(func.count()).select_from(table)).scalar_one() for table in counted]


def test_its_holder_goes_on_until_it_is_rotated_into_one_of_ours(api: Management) -> None:
    answer = taken(api, [of(SECRET, name="Ligne 1"), of(SECRET + "2", name="Ligne 2")])
    assert answer.status_code == 201
    assert "key" not in answer.json["data"][0]
    receipt = answer.json["receipt"]
    assert [row["type"] for row in receipt["proof"]["rows"]] == ["KeyCreated"] * 2
    first = answer.json["data"][0]
    assert first["hint"] == f"sha256:{digest_of(SECRET)[:8]}"
    assert api.ask("GET", "/v1/keys/self", key=SECRET).json["name"] == "Ligne 1"
    assert api.ask("GET", "/v1/keys/self", key=SECRET + "2").json["name"] == "Ligne 2"
    path = f"/v1/keys/{first['id']}"
    rotated = api.ask("POST", f"{path}/rotate", json={"grace_seconds": 60}).json["key"]
    assert rotated.startswith("grl_")
    for secret in (SECRET, rotated):
        assert api.ask("GET", "/v1/keys/self", key=secret).json["id"] == first["id"]
    revoked = api.ask("POST", f"{path}/revoke", json={}).json["receipt"]
    assert revoked["propagated"]
    for secret in (SECRET, rotated):
        problem(api.ask("GET", "/v1/keys/self", key=secret), 401, "key-revoked")


@pytest.mark.parametrize("ending", ["living", "rotated", "revoked", "deleted", "of another organisation", "imported"])
def test_a_secret_that_a_key_has_or_ever_had_is_refused_alike_whosever_it_is(api: Management, ending: str) -> None:
    secret = SECRET
    if ending == "imported":
        assert taken(api, [of(secret)], key=api.another_organisation()).status_code == 201
    elif ending == "of another organisation":
        secret = api.another_organisation()
    else:
        created = api.create()
        secret, path = created["key"], f"/v1/keys/{created['id']}"
        match ending:
            case "rotated":
                api.ask("POST", f"{path}/rotate", json={"grace_seconds": 0})
            case "revoked":
                api.ask("POST", f"{path}/revoke", json={})
            case "deleted":
                api.ask("DELETE", path)
            case _:
                pass
    before = contents(api)
    told = problem(taken(api, [of(SECRET + "2"), of(secret)]), 422, "invalid-body")
    assert told["errors"] == {"/keys/1/sha256": ["a key has or had this secret: let the other system make a new one"]}
    assert contents(api) == before
    rebuild(api.keys.database, api.keys.store)
    assert contents(api) == before
    problem(taken(api, [of(secret)]), 422, "invalid-body")


def test_of_a_thousand_every_fault_is_named_and_none_is_taken(api: Management) -> None:
    admin = api.another_organisation("premium")
    assert taken(api, [of(SECRET)], key=admin).status_code == 201
    assert api.ask("PATCH", "/v1/organisation", key=admin, json={"lifetime_max_days": 30}).status_code == 200
    many = [of(f"{SECRET}{at}", expires_in=60) for at in range(IMPORTED_KEYS_MAX)]
    many[7] = of(f"{SECRET}6", expires_in=60)
    before = contents(api)
    assert list(problem(taken(api, many, key=admin), 422, "invalid-body")["errors"]) == ["/keys/7/sha256"]
    many[7] = of(SECRET, expires_in=60)
    many[70] = of(f"{SECRET}70", expires_in=31 * 86_400)
    told = problem(taken(api, many, key=admin), 422, "invalid-body")
    assert sorted(told["errors"]) == ["/keys/7/sha256", "/keys/70/expires_at"]
    many[8], many[9] = READS, of(f"{SECRET}9") | {"sha256": digest_of(SECRET).upper()}
    told = problem(taken(api, many, key=admin), 422, "invalid-body")
    assert sorted(told["errors"]) == ["/keys/8/sha256", "/keys/9/sha256"]
    told = problem(taken(api, [of(SECRET)] * (IMPORTED_KEYS_MAX + 1), key=admin), 422, "invalid-body")
    assert list(told["errors"]) == ["/keys"]
    assert contents(api) == before


def test_as_many_as_the_tier_allows_are_taken_at_once(api: Management) -> None:
    admin, allowed = api.another_organisation("free"), ACTIVE_KEYS_MAX["free"] - 1
    many = [of(f"{SECRET}{at}") for at in range(allowed + 1)]
    before = contents(api)
    problem(taken(api, many, key=admin), 409, "too-many-keys")
    assert contents(api) == before
    assert len(taken(api, many[:-1], key=admin).json["data"]) == allowed


def test_a_key_imports_none_that_may_more_than_itself(api: Management) -> None:
    maker = api.create(permissions=["admin"], limits={"minute": 50})["key"]
    asked = [of(SECRET, limits={"minute": 50}), of(SECRET + "2")]
    told = problem(taken(api, asked, key=maker), 403, "beyond-own-bounds")
    assert list(told["errors"]) == ["/keys/1"]


def test_where_none_is_let_in_none_is_taken_and_none_passes(api: Management) -> None:
    assert taken(api, [of(SECRET)]).status_code == 201
    key_forms.let_in(())
    detail = problem(taken(api, [of(SECRET + "2")]), 409, "conflict")["detail"]
    assert "FOREIGN_KEY_FORMS" in detail
    problem(api.ask("GET", "/v1/keys/self", key=SECRET), 401, "invalid-key")


def test_repeated_it_is_answered_with_the_same_keys(api: Management) -> None:
    headers = {"Idempotency-Key": "lost"}
    first = taken(api, [of(SECRET), of(SECRET + "2")], headers=headers).json["data"]
    before = contents(api)
    again = taken(api, [of(SECRET), of(SECRET + "2")], headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert [key["id"] for key in again.json["data"]] == [key["id"] for key in first]
    assert contents(api) == before
