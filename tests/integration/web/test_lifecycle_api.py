"""The life of a key over HTTP: edited, rotated, suspended, resumed, given up, revoked in numbers, deleted for good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.keys.encryption.data_keys import DataKeys
from services.keys.lifecycle.key import NoSuchKey, Reason
from shared.eventsourcing.audit import audit
from shared.values.timestamps import from_rfc3339, rfc3339
from tests.e2e.running import eventually
from tests.integration.web.asking import problem
from tests.integration.web.management import BOOTSTRAP, Management


def soon(**ahead: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**ahead))


def patch(api: Management, key: dict[str, Any], /, *, if_match: str | None = None, **fields: Any) -> Any:
    headers = {} if if_match is None else {"If-Match": if_match}
    return api.ask("PATCH", f"/v1/keys/{key['id']}", json=fields, headers=headers)


def verb(api: Management, key: dict[str, Any], name: str, **fields: Any) -> Any:
    return api.ask("POST", f"/v1/keys/{key['id']}/{name}", json=fields)


def passes(api: Management, secret: str) -> bool:
    return api.ask("GET", "/v1/keys/self", key=secret).status_code == 200


def test_words_are_edited_one_by_one_and_gates_need_not_hear_of_it(api: Management) -> None:
    created = api.create(description="old", labels={"env": "prod", "line": "7"})
    answer = patch(api, created, name=" Ligne 8 ", labels={"env": "test", "line": None})
    assert answer.status_code == 200
    assert (answer.json["name"], answer.json["description"]) == ("Ligne 8", "old")
    assert answer.json["labels"] == {"env": "test"}
    assert (answer.json["receipt"], answer.json["revision"]) == (None, 2)
    assert answer.headers["ETag"].startswith('W/"2.')
    assert patch(api, created, name="Ligne 8").json["revision"] == 2
    assert passes(api, created["key"])


def test_fewer_permissions_and_narrower_access_hold_when_the_answer_is_there(api: Management) -> None:
    created = api.create(permissions=["admin"], allowed_addresses=["127.0.0.1"])
    answer = patch(api, created, permissions=["sensors:read"])
    assert answer.json["receipt"]["propagated"]
    problem(api.ask("GET", "/v1/keys", key=created["key"]), 403, "insufficient-permission")
    assert passes(api, created["key"])
    narrowed = patch(api, created, allowed_addresses=["192.0.2.1"], limits={"minute": 7}, allow_query=False)
    assert (narrowed.json["allowed_addresses"], narrowed.json["limits"]["minute"]) == (["192.0.2.1"], 7)
    refused = problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 403, "address-not-allowed")
    assert refused["detail"].endswith("from 127.0.0.1")
    again = patch(api, created, allowed_addresses=["192.0.2.1"])
    assert again.json["revision"] == narrowed.json["revision"]
    assert again.json["receipt"]["propagated"]


def test_more_permissions_need_a_new_secret_which_ends_every_older_one(api: Management) -> None:
    created = api.create()
    rotated = verb(api, created, "rotate", grace_seconds=3600).json
    refused = problem(patch(api, created, permissions=["admin"]), 409, "regeneration-required")
    assert "admin" in refused["detail"]
    answer = patch(api, created, permissions=["admin"], regenerate=True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.ask("GET", "/v1/keys", key=answer.json["key"]).status_code == 200
    for older in (created["key"], rotated["key"]):
        problem(api.ask("GET", "/v1/keys/self", key=older), 401, "key-rotated")


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"key": "grl_x", "position": 1}, ["/key", "/position"]),
        ({"created_at": "2020-01-01T00:00:00Z"}, ["/created_at"]),
        ({"name": ""}, ["/name"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"expires_at": "2036-01-01T00:00:00Z", "expires_in": 60}, ["/expires_in"]),
        ({"limits": {"day": 0}}, ["/limits/day"]),
        ({"regenerate": 1}, ["/regenerate"]),
        ({"permissions": []}, ["/permissions"]),
        ({"name": None, "permissions": None}, ["/name", "/permissions"]),
    ],
    ids=str,
)
def test_what_may_not_be_edited_is_named_and_nothing_changes(
    api: Management, fields: dict[str, Any], pointers: list[str]
) -> None:
    created = api.create()
    assert sorted(problem(patch(api, created, **fields), 422, "invalid-body")["errors"]) == pointers
    assert api.ask("GET", f"/v1/keys/{created['id']}").json["revision"] == 1


@pytest.mark.parametrize("if_match", ['"2"', '"0"', 'W/"2.abc"', '"x"', "2", '"2", "3"'])
def test_an_edit_of_what_has_changed_since_is_refused(api: Management, if_match: str) -> None:
    created = api.create()
    refused = patch(api, created, if_match=if_match, name="other")
    problem(refused, 412, "precondition-failed")
    assert api.ask("GET", f"/v1/keys/{created['id']}").json["name"] == "key"


@pytest.mark.parametrize("if_match", ['"1"', "*", 'W/"1.abc"', '"7", "1"'])
def test_an_edit_of_what_was_seen_is_made(api: Management, if_match: str) -> None:
    assert patch(api, api.create(), if_match=if_match, name="other").json["name"] == "other"


def test_an_expiry_is_set_and_taken_away(api: Management) -> None:
    created = api.create(expires_in=3600)
    assert patch(api, created, expires_at=None).json["expires_at"] is None
    later = patch(api, created, expires_in=7200).json["expires_at"]
    assert from_rfc3339(later) > datetime.now(UTC) + timedelta(seconds=7000)


def test_rotation_gives_a_new_secret_and_ends_the_old_one_at_once(api: Management) -> None:
    created = api.create()
    answer = verb(api, created, "rotate")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["receipt"]["propagated"]
    assert answer.json["hint"] == f"{answer.json['key'][:8]}…{answer.json['key'][-4:]}"
    assert passes(api, answer.json["key"])
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-rotated")


def test_during_a_grace_two_secrets_work_on_one_quota_and_never_three(api: Management) -> None:
    created = api.create(expires_in=600, limits={"minute": 5})
    rotated = verb(api, created, "rotate", grace_seconds=3600).json
    assert rotated["grace_until"] == rotated["expires_at"]  # never past its expiry
    assert passes(api, created["key"])
    assert passes(api, rotated["key"])
    before = {"hint": created["hint"], "grace_until": rotated["grace_until"], "last_used_at": None}
    assert rotated["previous_secret"] == before
    third = verb(api, created, "rotate", grace_seconds=60).json
    assert not passes(api, created["key"])
    assert passes(api, rotated["key"])
    spent = api.ask("GET", "/v1/keys/self", key=third["key"]).headers["RateLimit"]
    assert '"minute";r=1;' in spent  # four were admitted, whichever secret they came with
    for grace in (-1, 30 * 86_400 + 1, "60", True):
        problem(verb(api, created, "rotate", grace_seconds=grace), 422, "invalid-body")


@pytest.mark.parametrize("own", [False, True])
def test_who_lost_the_answer_of_a_rotation_gets_another_secret_and_production_goes_on(
    api: Management, own: bool
) -> None:
    created = api.create()
    path = "/v1/keys/self/rotate" if own else f"/v1/keys/{created['id']}/rotate"
    asks: dict[str, Any] = {"key": created["key"]} if own else {}
    once: dict[str, Any] = {"json": {"grace_seconds": 3600}, "headers": {"Idempotency-Key": "r1"}}
    lost = api.ask("POST", path, **once, **asks).json
    assert api.ask("POST", path, **once, **asks).json["key"] is None
    for _ in range(2):
        answer = api.ask("POST", path, json={"instead": True}, **asks)
        assert answer.json["grace_until"] == lost["grace_until"]
        assert passes(api, created["key"])
        assert passes(api, answer.json["key"])
        problem(api.ask("GET", "/v1/keys/self", key=lost["key"]), 401, "key-rotated")
        lost = answer.json
    contradiction = problem(
        api.ask("POST", path, json={"instead": True, "grace_seconds": 1}, **asks), 422, "invalid-body"
    )
    assert contradiction["errors"].keys() == {"/instead"}


def test_instead_of_the_only_secret_is_a_rotation_without_grace(api: Management) -> None:
    created = api.create()
    answer = verb(api, created, "rotate", instead=True)
    assert (answer.json["grace_until"], passes(api, answer.json["key"])) == (None, True)
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-rotated")


def test_a_suspended_key_rests_until_it_is_resumed(api: Management) -> None:
    created = api.create()
    suspended = verb(api, created, "suspend")
    assert suspended.json["status"] == "suspended"
    assert suspended.json["receipt"]["propagated"]
    refused = api.ask("GET", "/v1/keys/self", key=created["key"])
    problem(refused, 401, "key-suspended")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert verb(api, created, "suspend").json["revision"] == 2
    resumed = verb(api, created, "resume")
    assert (resumed.json["status"], resumed.json["suspended_at"]) == ("active", None)
    assert passes(api, created["key"])


def test_nothing_changes_a_revoked_key(api: Management) -> None:
    created = api.create()
    verb(api, created, "revoke")
    for name in ("rotate", "suspend", "resume"):
        problem(verb(api, created, name), 409, "conflict")
    problem(patch(api, created, name="other"), 409, "conflict")


def test_a_deleted_key_is_gone_and_its_secret_stays_refused(api: Management) -> None:
    created = api.create(name="Zanzibar", labels={"place": "Zanzibar"})
    rotated = verb(api, created, "rotate", grace_seconds=3600).json
    answer = api.ask("DELETE", f"/v1/keys/{created['id']}")
    assert answer.status_code == 200
    assert answer.json.keys() == {"id", "deleted_at", "receipt"}
    assert answer.json["receipt"]["propagated"]
    for secret in (created["key"], rotated["key"]):
        problem(api.ask("GET", "/v1/keys/self", key=secret), 401, "invalid-key")
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "?revision=1"), ("POST", "/revoke"), ("POST", "/rotate")):
        problem(api.ask(method, f"/v1/keys/{created['id']}{path}"), 404, "not-found")
    assert created["id"] not in api.ask("GET", "/v1/keys").text


def test_after_a_deletion_no_file_holds_the_keys_words(api: Management, tmp_path: Path) -> None:
    created = api.create(name="Zanzibar", description="Zanzibar", labels={"place": "Zanzibar"})
    patch(api, created, name="Zanzibar railway")
    verb(api, created, "revoke", note="lost in Zanzibar")
    data_key = DataKeys(api.keys.database).get(created["id"])
    assert data_key is not None
    told = (b"anzibar", data_key.encode())  # who has the data key can read the words in the log
    api.ask("DELETE", f"/v1/keys/{created['id']}")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"keys.db", "usage.db"} <= {file.name for file in files}

    def remembering() -> list[Path]:
        api.keys.sweep.run()  # what the service's timer does: a reader may have held the write-ahead log up
        return [file for file in files if any(part in file.read_bytes() for part in told)]

    eventually(remembering, lambda found: found == [])
    assert audit(api.keys.store).findings == ()


def test_a_key_shows_and_gives_up_itself_and_needs_no_permission_for_it(api: Management) -> None:
    created = api.create(permissions=["events:read"])
    assert api.ask("GET", "/v1/keys/self", key=created["key"]).json["id"] == created["id"]
    answer = api.ask("POST", "/v1/keys/self/revoke", key=created["key"], json={"reason": "key-compromise"})
    assert (answer.status_code, answer.json["revocation_reason"]) == (200, "key-compromise")
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-revoked")


def test_many_keys_are_revoked_with_one_receipt_after_a_look_at_which(api: Management) -> None:
    prod = [api.create(name=f"prod {number}", labels={"env": "prod"}) for number in range(3)]
    test = api.create(labels={"env": "test"})
    seen = api.ask("POST", "/v1/keys/revoke", json={"label": "env:prod", "dry_run": True}).json
    assert [key["id"] for key in seen["data"]] == [key["id"] for key in reversed(prod)]
    assert (seen["dry_run"], seen["receipt"]) == (True, None)
    assert passes(api, prod[0]["key"])
    done = api.ask("POST", "/v1/keys/revoke", json={"label": "env:prod", "reason": "superseded"}).json
    assert done["receipt"]["propagated"]
    assert {key["status"] for key in done["data"]} == {"revoked"}
    assert [passes(api, key["key"]) for key in (*prod, test)] == [False, False, False, True]
    by_id = api.ask("POST", "/v1/keys/revoke", json={"ids": [prod[0]["id"], test["id"]]}).json
    assert {key["id"] for key in by_id["data"]} == {prod[0]["id"], test["id"]}
    none = api.ask("POST", "/v1/keys/revoke", json={"created_before": "2020-01-01T00:00:00Z"}).json
    assert (none["data"], none["receipt"]["propagated"]) == ([], True)


def test_a_revocation_of_many_is_one_append_of_all_of_them(api: Management) -> None:
    created = [api.create(labels={"env": "prod"})["id"] for _ in range(5)]
    with api.keys.store.reading() as tx:
        before = api.keys.store.head(tx).position
    done = api.ask("POST", "/v1/keys/revoke", json={"label": "env:prod", "note": "left in a train"}).json
    with api.keys.store.reading() as tx:
        rows = api.keys.store.after(tx, before, 100)
    assert {row.stream for row in rows} == set(created)
    assert [row.position for row in rows] == list(range(before + 1, before + 6))
    assert len({row.recorded_at for row in rows}) == 1
    assert done["receipt"]["position"] == rows[-1].position


def test_of_many_keys_all_are_revoked_or_none(api: Management) -> None:
    """The last of them is somebody else's, which the API itself would have refused before."""
    own = tuple(api.create()["id"] for _ in range(3))
    stranger = api.another_organisation()
    theirs = api.ask("GET", "/v1/keys", key=stranger).json["data"][0]["id"]
    with pytest.raises(NoSuchKey):
        api.keys.commands.revoke_all(api.organisation_id, (*own, theirs), Reason.SUPERSEDED, None, BOOTSTRAP)
    assert {api.ask("GET", f"/v1/keys/{key_id}").json["status"] for key_id in own} == {"active"}


def test_a_key_deleted_between_the_look_and_the_revocation_of_many_holds_up_none(api: Management) -> None:
    gone, left = (api.create()["id"] for _ in range(2))
    api.ask("DELETE", f"/v1/keys/{gone}")
    revoked = api.keys.commands.revoke_all(api.organisation_id, (gone, left), Reason.SUPERSEDED, None, BOOTSTRAP)
    assert revoked.receipt.propagated
    assert api.ask("GET", f"/v1/keys/{left}").json["status"] == "revoked"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "superseded"},
        {"label": "env:prod", "ids": ["key_1"]},
        {"ids": []},
        {"ids": ["key_0000000000000000000000"]},
        {"label": "env"},
        {"created_before": "yesterday"},
        {"ids": ["x"] * 1001},
    ],
    ids=str,
)
def test_a_revocation_of_many_names_them_in_one_way(api: Management, body: dict[str, Any]) -> None:
    problem(api.ask("POST", "/v1/keys/revoke", json=body), 422, "invalid-body")
    stranger = api.another_organisation()
    theirs = api.ask("GET", "/v1/keys", key=stranger).json["data"][0]["id"]
    problem(api.ask("POST", "/v1/keys/revoke", json={"ids": [theirs]}), 422, "invalid-body")
    assert passes(api, stranger)


def test_a_key_is_shown_as_it_was(api: Management) -> None:
    created = api.create(name="first")
    between = soon()
    patch(api, created, name="second", permissions=["sensors:read"], expires_in=60)
    verb(api, created, "suspend")
    path = f"/v1/keys/{created['id']}"
    past = [api.ask("GET", path, params={"revision": number}).json for number in (1, 2, 3, 4)]
    assert [key["name"] for key in past] == ["first", "first", "second", "second"]
    assert [key["status"] for key in past] == ["active", "active", "active", "suspended"]
    assert past[3] == api.ask("GET", path).json
    assert api.ask("GET", path, params={"as_of": between}).json == past[0]
    for query, status in (
        ({"revision": 5}, 404),
        ({"as_of": "2020-01-01T00:00:00Z"}, 404),
        ({"as_of": soon(hours=1)}, 400),
        ({"revision": 0}, 400),
        ({"revision": 1, "as_of": between}, 400),
    ):
        assert api.ask("GET", path, params=query).status_code == status


def test_a_key_as_of_a_time_that_it_tells_of_itself_contains_that_change(api: Management) -> None:
    created = api.create(expires_at=soon(hours=1))
    path = f"/v1/keys/{created['id']}"
    api.keys.commands.organisations.change_tier(api.organisation_id, "free", BOOTSTRAP)
    told = {"created_at": created}
    for name, word in (("suspended_at", "suspend"), ("rotated_at", "rotate"), ("revoked_at", "revoke")):
        told[name] = verb(api, created, word).json
    for name, answered in told.items():
        past = api.ask("GET", path, params={"as_of": answered[name]}).json
        assert (past[name], past["revision"]) == (answered[name], answered["revision"])
        assert (past["tier"], past["effective_limits"]) == (
            ("premium", {"minute": 1000, "day": None, "concurrent": 50})
            if name == "created_at"
            else ("free", {"minute": 60, "day": 10_000, "concurrent": 5})
        )


def test_the_timer_writes_an_expiry_down_and_the_clock_has_ended_it_before(api: Management) -> None:
    created = api.create_short_lived()
    while passes(api, created["key"]):
        pass  # as time goes by; the test's own time limit is the deadline
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-expired")
    while not api.keys.sweep.run():
        pass  # the gate goes by the database's clock, which may be a millisecond ahead
    assert api.ask("GET", f"/v1/keys/{created['id']}").json["expired_at"] is not None
    problem(verb(api, created, "rotate"), 409, "conflict")
    problem(patch(api, created, expires_in=60), 409, "regeneration-required")
    renewed = patch(api, created, expires_in=60, regenerate=True).json
    assert renewed["status"] == "active"
    assert passes(api, renewed["key"])


def names(api: Management, **query: Any) -> list[str]:
    return [key["name"] for key in api.ask("GET", "/v1/keys", params=query).json["data"]]


def test_a_list_is_filtered_searched_and_sorted(api: Management) -> None:
    beta = api.create(name="beta", labels={"env": "prod"}, expires_in=600)
    api.create(name="Alpha", description="50% Straße", labels={"env": "test"}, expires_in=60)
    gone = api.create(name="gamma", labels={"env": "prod"})
    verb(api, gone, "revoke")
    verb(api, beta, "suspend")
    assert names(api, status="revoked") == ["gamma"]
    assert names(api, status="suspended,revoked") == ["gamma", "beta"]
    assert names(api, label="env:prod") == ["gamma", "beta"]
    assert names(api, label="env:prod", status="suspended") == ["beta"]
    assert names(api, q="STRASSE") == ["Alpha"]
    assert names(api, q="%") == ["Alpha"]
    assert names(api, q="a_p") == []
    assert names(api, q=beta["id"]) == names(api, q=beta["key"][-4:]) == ["beta"]
    assert names(api, sort="name") == ["Alpha", "beta", "first admin", "gamma"]
    assert names(api, sort="-name") == ["gamma", "first admin", "beta", "Alpha"]
    assert names(api, sort="expires_at")[:2] == ["Alpha", "beta"]
    assert names(api, sort="-expires_at")[2:] == ["beta", "Alpha"]


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-created_at", "expires_at", "-last_used_at"])
def test_pages_in_any_order_join_without_gap_or_repetition(api: Management, sort: str) -> None:
    for number in range(5):
        api.create(name=f"key {number % 2}", **({"expires_in": 60} if number % 3 else {}))
    whole = [key["id"] for key in api.ask("GET", "/v1/keys", params={"sort": sort}).json["data"]]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.ask("GET", "/v1/keys", params={"sort": sort, "limit": 2} | cursor).json
        seen += [key["id"] for key in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == whole
    assert len(set(seen)) == 6
    other = {"sort": "name" if sort != "name" else "created_at"} | cursor
    problem(api.ask("GET", "/v1/keys", params=other), 400, "invalid-request")


@pytest.mark.parametrize(
    "query", [{"status": "asleep"}, {"status": ""}, {"label": "env"}, {"label": "é:x"}, {"q": ""}, {"sort": "hint"}]
)
def test_a_filter_that_does_not_exist_is_refused(api: Management, query: dict[str, str]) -> None:
    problem(api.ask("GET", "/v1/keys", params=query), 400, "invalid-request")


def test_an_organisation_shows_its_tier_and_changes_its_setting(api: Management) -> None:
    shown = api.ask("GET", "/v1/organisation").json
    assert shown == {
        "id": api.organisation_id,
        "revision": 1,
        "name": "Railway",
        "tier": "premium",
        "registered_at": shown["registered_at"],
        "limits": {"minute": 1000, "day": None, "concurrent": 50},
        "keys": {"active": 1, "most": 1000},
        "unused_expiry_days": None,
        "lifetime_max_days": None,
        "lifetime_default_days": None,
    }
    assert api.ask("PATCH", "/v1/organisation", json={"unused_expiry_days": 90}).json["unused_expiry_days"] == 90
    assert api.ask("PATCH", "/v1/organisation", json={}).json["unused_expiry_days"] == 90
    assert api.ask("PATCH", "/v1/organisation", json={"unused_expiry_days": None}).json["unused_expiry_days"] is None
    for wrong in (6, 366, "30", True):
        problem(api.ask("PATCH", "/v1/organisation", json={"unused_expiry_days": wrong}), 422, "invalid-body")
    # Operators change it, so it may differ when an answer is sent back: it is passed over.
    assert api.ask("PATCH", "/v1/organisation", json={"tier": "free"}).json["tier"] == "premium"


def test_a_tier_changes_at_the_gate_and_holds_so_many_active_keys(api: Management) -> None:
    free = api.another_organisation("free")

    def create() -> Any:
        return api.ask("POST", "/v1/keys", key=free, json={"name": "key", "permissions": ["admin"]})

    keys = [create().json for _ in range(9)]
    assert "10 active" in problem(create(), 409, "too-many-keys")["detail"]
    api.ask("POST", f"/v1/keys/{keys[0]['id']}/suspend", key=free)
    assert create().status_code == 201
    problem(api.ask("POST", f"/v1/keys/{keys[0]['id']}/resume", key=free), 409, "too-many-keys")
    organisation_id = api.ask("GET", "/v1/organisation", key=free).json["id"]
    api.keys.commands.organisations.change_tier(organisation_id, "standard", BOOTSTRAP)
    api.keys.relay.run()
    assert create().headers["RateLimit-Policy"].startswith('"minute";q=300;')
    assert api.ask("POST", f"/v1/keys/{keys[0]['id']}/resume", key=free).json["status"] == "active"


def test_a_thief_who_uses_the_owner_s_quota_up_cannot_keep_a_key_from_being_revoked(api: Management) -> None:
    stolen = api.create(permissions=["admin"], limits={"minute": 5})
    victims = [api.create() for _ in range(4)]
    while api.ask("GET", "/v1/organisation", key=stolen["key"]).status_code == 200:
        pass
    refused = api.ask("POST", f"/v1/keys/{victims[0]['id']}/rotate", key=stolen["key"])
    problem(refused, 429, "quota-exceeded")
    assert refused.headers["RateLimit-Policy"].startswith('"minute";q=5;w=60')
    for at in ("/v1/keys", f"/v1/keys/{victims[0]['id']}", "/v1/keys/self"):
        listed = api.ask("GET", at, key=stolen["key"])
        assert (listed.status_code, listed.headers["RateLimit-Policy"]) == (200, '"listing";q=10;w=60')
    path = "/v1/keys/{}"
    asked = [
        ("POST", path.format(victims[0]["id"]) + "/suspend", {}),
        ("POST", path.format(victims[1]["id"]) + "/revoke", {}),
        ("DELETE", path.format(victims[2]["id"]), None),
        ("POST", "/v1/keys/revoke", {"ids": [victims[3]["id"]]}),
        ("POST", "/v1/keys/self/revoke", {}),
    ]
    for left, (method, at, body) in enumerate(asked):
        answer = api.ask(method, at, key=stolen["key"], **({} if body is None else {"json": body}))
        assert answer.status_code == 200, answer.text
        assert answer.headers["RateLimit-Policy"] == '"urgent";q=30;w=60'
        assert answer.headers["RateLimit"].startswith(f'"urgent";r={29 - left};t=')
    problem(api.ask("GET", "/v1/keys/self", key=stolen["key"]), 401, "key-revoked")
