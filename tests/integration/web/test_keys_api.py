"""The management API of keys over HTTP: the secret once, lists that hold still, receipts, and faults by pointer."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.values.timestamps import from_rfc3339
from tests.integration.web.asking import problem
from tests.integration.web.management import Management, management

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
UNKNOWN_ID = "key_0000000000000000000000"


def test_a_key_is_created_with_its_secret_shown_this_once(api: Management) -> None:
    body = {
        "name": "  Ligne 7  ",
        "description": "Capteurs de voie\nà relire",
        "permissions": ["read:sensors", "events:read", "read:networks", "sensors:read"],
        "labels": {"env": "prod", "team/line": "7"},
        "expires_at": SOON.isoformat(),
        "allow_query": False,
        "allowed_addresses": ["192.0.2.0/24", "2001:db8::1"],
        "limits": {"minute": 5, "day": 50},
    }
    answer = api.ask("POST", "/v1/keys", json=body)
    created = answer.json
    assert answer.status_code == 201
    assert re.fullmatch("grl_[0-9A-Za-z]{49}", created["key"])
    assert answer.headers["Location"] == f"/v1/keys/{created['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert created["receipt"]["propagated"]
    assert [gate["id"] for gate in created["receipt"]["gates"]] == ["gate_1"]
    shown = api.ask("GET", f"/v1/keys/{created['id']}")
    assert shown.json == {name: created[name] for name in created if name not in ("key", "receipt")}
    assert shown.headers["ETag"].startswith('W/"1.')
    assert created["key"] not in shown.text
    assert shown.json | {"created_at": None, "created_by": None} == {
        "id": created["id"],
        "revision": 1,
        "name": "Ligne 7",
        "description": "Capteurs de voie\nà relire",
        "labels": {"env": "prod", "team/line": "7"},
        "hint": f"{created['key'][:8]}…{created['key'][-4:]}",
        "permissions": ["events:read", "sensors:read"],
        "status": "active",
        "created_at": None,
        "created_by": None,
        "last_used_at": None,
        "last_used_address": None,
        "last_used_route": None,
        "expires_at": shown.json["expires_at"],
        "rotated_at": None,
        "grace_until": None,
        "previous_secret": None,
        "suspended_at": None,
        "expired_at": None,
        "revoked_at": None,
        "revocation_reason": None,
        "revocation_note": None,
        "allow_query": False,
        "allowed_addresses": ["192.0.2.0/24", "2001:db8::1"],
        "networks": None,
        "tier": "premium",
        "limits": {"minute": 5, "day": 50},
        "effective_limits": {"minute": 5, "day": 50, "concurrent": 50},
        "warnings": [],
    }
    assert from_rfc3339(shown.json["expires_at"]) == SOON


def test_a_new_key_works_when_its_answer_is_there(api: Management) -> None:
    created = api.create(permissions=["admin"], limits={"minute": 7})
    answer = api.ask("GET", "/v1/keys", key=created["key"])
    assert answer.status_code == 200
    assert answer.headers["RateLimit-Policy"] == '"minute";q=7;w=60, "concurrent";q=50;qu="concurrent-requests"'


def test_a_key_says_who_made_it(api: Management) -> None:
    maker = api.create(permissions=["admin"])
    answer = api.ask("POST", "/v1/keys", key=maker["key"], json={"name": "made", "permissions": ["admin"]})
    assert answer.json["created_by"] == maker["id"]


def test_a_keys_own_limits_are_shown_even_before_this_processs_gate_has_heard_of_it(api: Management) -> None:
    api.bell.replica = None
    created = api.create(limits={"minute": 5})
    assert not created["receipt"]["propagated"]
    assert created["limits"] == {"minute": 5, "day": None}


def listed(api: Management, query: str = "") -> tuple[list[str], str | None]:
    answer = api.ask("GET", "/v1/keys", query_string=query)
    assert answer.status_code == 200
    return [key["name"] for key in answer.json["data"]], answer.json["next_cursor"]


def test_a_list_shows_the_newest_first_and_no_secret_nor_others_keys(api: Management) -> None:
    secrets = [api.create(name=f"key {number}")["key"] for number in range(3)]
    api.another_organisation()
    answer = api.ask("GET", "/v1/keys")
    assert [key["name"] for key in answer.json["data"]] == ["key 2", "key 1", "key 0", "first admin"]
    assert answer.json["next_cursor"] is None
    assert not any(secret in answer.text for secret in secrets)
    assert set(answer.json["data"][0]) == {
        "id",
        "name",
        "hint",
        "labels",
        "permissions",
        "status",
        "created_at",
        "last_used_at",
        "expires_at",
        "allow_query",
        "networks",
        "warnings",
    }
    assert answer.json["data"][0]["warnings"]  # it may be sent in the query


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_join_without_gap_or_repetition_while_keys_are_created_and_revoked(api: Management, limit: int) -> None:
    there = [api.create(name=f"key {number}") for number in range(6)]
    seen, cursor = listed(api, f"limit={limit}")
    while cursor is not None:
        api.create(name="written between")
        api.ask("POST", f"/v1/keys/{there[0]['id']}/revoke")
        names, cursor = listed(api, f"limit={limit}&cursor={cursor}")
        seen += names
    assert seen == [f"key {number}" for number in reversed(range(6))] + ["first admin"]


def test_a_page_is_twenty_by_default_and_a_hundred_at_most(api: Management) -> None:
    for number in range(21):
        api.create(name=f"key {number}")
    names, cursor = listed(api)
    assert len(names) == 20
    assert cursor is not None
    assert len(listed(api, "limit=100")[0]) == 22
    for limit in ("0", "101", "-1", "x", "1.5", ""):
        problem(api.ask("GET", "/v1/keys", query_string=f"limit={limit}"), 400, "invalid-request")


def test_a_cursor_this_api_never_gave_is_refused(api: Management) -> None:
    for number in range(3):
        api.create(name=f"key {number}")
    _, cursor = listed(api, "limit=1")
    assert cursor is not None
    changed = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    places: list[Any] = [["2026", "key_1"], ["2026"], [], {}, 1, None, ["\ud800", "x"], ["2026", 1]]
    made_up = [base64.urlsafe_b64encode(json.dumps(place).encode()).decode() for place in places]
    for wrong in [*changed, *made_up, cursor + "A", cursor[:-1], cursor[1:], "%00", "é", "=", "A" * 500, "A" * 501]:
        answer = api.ask("GET", "/v1/keys", params={"cursor": wrong})
        problem(answer, 400, "invalid-request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/keys/{}"),
        ("PATCH", "/v1/keys/{}"),
        ("DELETE", "/v1/keys/{}"),
        ("GET", "/v1/keys/{}?revision=1"),
        ("POST", "/v1/keys/{}/rotate"),
        ("POST", "/v1/keys/{}/suspend"),
        ("POST", "/v1/keys/{}/resume"),
        ("POST", "/v1/keys/{}/revoke"),
        ("GET", "/v1/keys/{}/usage"),
    ],
)
def test_another_organisations_key_is_as_unknown_as_one_that_never_was(api: Management, method: str, path: str) -> None:
    stranger = api.another_organisation("premium")
    theirs = api.ask("GET", "/v1/keys", key=stranger).json["data"][0]["id"]
    ours = api.create()["id"]
    api.usage.subscription.pull()
    answers = [
        problem(api.ask(method, path.format(key_id)), 404, "not-found")
        for key_id in (theirs, UNKNOWN_ID, "key_", "no id at all", "%00", ours + "x")
    ]
    assert len({json.dumps(body | {"request_id": "", "instance": "", "meta": {}}) for body in answers}) == 1
    assert api.ask("GET", "/v1/keys", key=stranger).status_code == 200


def test_an_organisation_is_no_key_that_could_be_revoked(api: Management) -> None:
    problem(api.ask("POST", f"/v1/keys/{api.organisation_id}/revoke"), 404, "not-found")
    problem(api.ask("GET", f"/v1/keys/{api.organisation_id}"), 404, "not-found")


def test_a_revoked_key_is_refused_by_the_very_next_request_and_for_good(api: Management) -> None:
    created = api.create(permissions=["admin"])
    assert api.ask("GET", "/v1/keys", key=created["key"]).status_code == 200
    answer = api.ask(
        "POST", f"/v1/keys/{created['id']}/revoke", json={"reason": "key-compromise", "note": "found\non GitHub"}
    )
    assert answer.status_code == 200
    problem(api.ask("GET", "/v1/keys", key=created["key"]), 401, "key-revoked")
    receipt = answer.json["receipt"]
    assert receipt["propagated"]
    assert [set(gate) for gate in receipt["gates"]] == [{"id", "applied_ms"}]
    assert receipt["position"] == api.replica.grants.place.position  # type: ignore[union-attr]
    assert (answer.json["status"], answer.json["revocation_reason"]) == ("revoked", "key-compromise")
    assert answer.json["revision"] == 2


def test_a_key_revoked_twice_keeps_the_first_times_facts_and_gets_a_receipt_of_now(api: Management) -> None:
    created = api.create()
    first = api.ask("POST", f"/v1/keys/{created['id']}/revoke", json={"reason": "superseded"})
    api.create()
    second = api.ask("POST", f"/v1/keys/{created['id']}/revoke", json={"reason": "key-compromise"})
    assert first.status_code == second.status_code == 200
    assert second.json | {"receipt": None} == first.json | {"receipt": None}
    assert second.json["receipt"]["position"] == first.json["receipt"]["position"] + 1


def test_a_key_may_revoke_itself_and_is_then_refused(api: Management) -> None:
    created = api.create(permissions=["admin"])
    path = f"/v1/keys/{created['id']}/revoke"
    problem(api.ask("POST", path, key=created["key"]), 409, "lock-out")
    assert api.ask("POST", path, key=created["key"], params={"force": "true"}).status_code == 200
    problem(api.ask("GET", "/v1/keys", key=created["key"]), 401, "key-revoked")


def test_only_an_admin_key_manages_keys(api: Management) -> None:
    created = api.create(permissions=["sensors:read", "events:read", "config:write"])
    for method, path in (("GET", "/v1/keys"), ("POST", "/v1/keys"), ("GET", f"/v1/keys/{created['id']}")):
        problem(api.ask(method, path, key=created["key"]), 403, "insufficient-permission")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Management]:
    """For requests that must change nothing: one for all of them."""
    api = management(tmp_path_factory.mktemp("untouched"))
    yield api
    api.close()


def iso(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"name": ""}, ["/name"]),
        ({"name": " \u2003 "}, ["/name"]),
        ({"name": "x" * 101}, ["/name"]),
        ({"name": "a\x00b"}, ["/name"]),
        ({"name": "a\nb"}, ["/name"]),
        ({"name": "a\x7fb"}, ["/name"]),
        ({"name": ["x"]}, ["/name"]),
        ({"description": "x" * 1001}, ["/description"]),
        ({"description": "a\x00b"}, ["/description"]),
        ({"permissions": []}, ["/permissions"]),
        ({"permissions": "admin"}, ["/permissions"]),
        ({"permissions": ["sensors:read", "all"]}, ["/permissions/1"]),
        ({"permissions": [None]}, ["/permissions/0"]),
        ({"permissions": ["admin"] * 10}, ["/permissions"]),
        ({"labels": {"env prod": "x"}}, ["/labels/env prod"]),
        ({"labels": {"env\n": "x", "": "y"}}, ["/labels/", "/labels/env\n"]),
        ({"labels": {"a/b": 1}}, ["/labels/a~1b"]),
        ({"labels": {"env": "a\x00b"}}, ["/labels/env"]),
        ({"labels": {"x" * 64: "x"}}, ["/labels/" + "x" * 64]),
        ({"labels": {f"l{number}": "x" for number in range(11)}}, ["/labels"]),
        ({"labels": ["env"]}, ["/labels"]),
        ({"expires_at": "tomorrow"}, ["/expires_at"]),
        ({"expires_at": "2099-01-01T00:00:00"}, ["/expires_at"]),
        ({"expires_at": 4_000_000_000}, ["/expires_at"]),
        ({"expires_at": iso(seconds=-1)}, ["/expires_at"]),
        ({"expires_at": iso(days=3661)}, ["/expires_at"]),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, ["/expires_at"]),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, ["/expires_at"]),
        ({"expires_at": iso(days=1), "expires_in": 60}, ["/expires_in"]),
        ({"expires_in": 0}, ["/expires_in"]),
        ({"expires_in": 10**12}, ["/expires_in"]),
        ({"expires_in": "60"}, ["/expires_in"]),
        ({"expires_in": True}, ["/expires_in"]),
        ({"allow_query": "yes"}, ["/allow_query"]),
        ({"allow_query": 1}, ["/allow_query"]),
        ({"allow_query": None}, ["/allow_query"]),
        ({"allowed_addresses": ["192.0.2.1", "localhost"]}, ["/allowed_addresses/1"]),
        ({"allowed_addresses": ["192.0.2.1/24"]}, ["/allowed_addresses/0"]),
        ({"allowed_addresses": ["192.0.2.0/33"]}, ["/allowed_addresses/0"]),
        ({"allowed_addresses": ["fe80::1%eth0"]}, ["/allowed_addresses/0"]),
        ({"allowed_addresses": [""]}, ["/allowed_addresses/0"]),
        ({"allowed_addresses": [3221225985]}, ["/allowed_addresses/0"]),
        ({"allowed_addresses": ["192.0.2.1"] * 51}, ["/allowed_addresses"]),
        ({"limits": {"minute": 1001}}, ["/limits/minute"]),
        ({"limits": {"minute": 0, "day": 0}}, ["/limits/day", "/limits/minute"]),
        ({"limits": {"minute": 1.0}}, ["/limits/minute"]),
        ({"limits": {"hour": 5}}, ["/limits/hour"]),
        ({"limits": 5}, ["/limits"]),
        ({"key": "grl_x", "created_at": "now", "id": "key_x"}, ["/created_at", "/id", "/key"]),
    ],
    ids=lambda value: "+".join(value),  # no values: times among them differ from worker to worker
)
def test_each_fault_of_a_body_is_named_by_its_pointer(
    untouched: Management, fields: dict[str, Any], pointers: list[str]
) -> None:
    answer = untouched.ask("POST", "/v1/keys", json={"name": "key", "permissions": ["admin"]} | fields)
    assert sorted(problem(answer, 422, "invalid-body")["errors"]) == pointers
    assert listed(untouched)[0] == ["first admin"]


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": None},
        {"expires_in": 1},
        {"expires_in": 10 * 366 * 86_400},
        {"limits": {}},
        {"limits": {"minute": 1000, "day": 1_000_000_000}},
        {"labels": {}},
        {"allowed_addresses": ["0.0.0.0/0", "::/0", "192.0.2.7"]},
        {"name": "x" * 100, "description": "x" * 1000},
        {"name": "鐵路 🚆 é"},
        {"description": "one\r\n\ttwo"},
    ],
    ids=str,
)
def test_what_lies_within_the_bounds_is_taken(api: Management, fields: dict[str, Any]) -> None:
    created = api.create(**fields)
    assert api.ask("GET", f"/v1/keys/{created['id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"reason": "because"}, ["/reason"]),
        ({"reason": None}, ["/reason"]),
        ({"reason": "KEY_COMPROMISE"}, ["/reason"]),
        ({"note": "x" * 1001}, ["/note"]),
        ({"note": "a\x00b"}, ["/note"]),
        ({"why": "x"}, ["/why"]),
    ],
)
def test_a_revocation_with_a_faulty_body_revokes_nothing(
    untouched: Management, body: dict[str, Any], pointers: list[str]
) -> None:
    (key,) = untouched.ask("GET", "/v1/keys").json["data"]
    answer = untouched.ask("POST", f"/v1/keys/{key['id']}/revoke", json=body)
    assert sorted(problem(answer, 422, "invalid-body")["errors"]) == pointers
    assert untouched.ask("GET", f"/v1/keys/{key['id']}").json["status"] == "active"


def test_a_free_organisations_key_stays_below_its_own_tier(api: Management) -> None:
    free = api.another_organisation("free")
    body = {"name": "key", "permissions": ["admin"], "limits": {"minute": 61, "day": 10_001}}
    errors = problem(api.ask("POST", "/v1/keys", key=free, json=body), 422, "invalid-body")["errors"]
    assert errors == {
        "/limits/minute": ["must not exceed the tier's limit of 60"],
        "/limits/day": ["must not exceed the tier's limit of 10000"],
    }


def test_an_expired_key_is_listed_as_such_and_can_still_be_revoked(api: Management) -> None:
    created = api.create_short_lived()
    while (shown := api.ask("GET", f"/v1/keys/{created['id']}").json)["status"] == "active":
        pass  # as time goes by; the test's own time limit is the deadline
    assert shown["status"] == "expired"
    assert api.ask("POST", f"/v1/keys/{created['id']}/revoke").json["status"] == "revoked"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
# Near enough to a good body to get past the first check.
bodies = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("key") | anything,
        "permissions": st.just(["admin"]) | st.lists(st.sampled_from(["admin", "events:read", "x"])) | anything,
        "description": st.text(st.characters(codec=None)) | anything,
        "labels": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3) | anything,
        "expires_at": st.datetimes().map(lambda at: at.isoformat() + "Z") | anything,
        "expires_in": st.integers() | anything,
        "allow_query": st.booleans() | anything,
        "allowed_addresses": st.lists(st.ip_addresses().map(str) | st.text(), max_size=3) | anything,
        "limits": st.fixed_dictionaries({}, optional={"minute": st.integers(), "day": st.integers()}) | anything,
        "reason": st.sampled_from(["key-compromise", "unspecified"]) | anything,
        "note": st.text(st.characters(codec=None)) | anything,
        "more": anything,
    },
)


@given(body=anything | bodies, path=st.sampled_from(["/v1/keys", "/v1/keys/{}/revoke"]))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_whatever_is_a_fault_of_ours(api: Management, body: Any, path: str) -> None:
    key_id = api.ask("GET", "/v1/keys").json["data"][-1]["id"] if path == "/v1/keys" else api.create()["id"]
    headers = {"Content-Type": "application/json"}
    answer: testing.Result = api.ask("POST", path.format(key_id), headers=headers, body=json.dumps(body))
    assert answer.status_code in (200, 201, 400, 422), answer.text
    assert api.ask("GET", "/v1/keys").status_code == 200


@given(query=st.dictionaries(st.sampled_from(["limit", "cursor", "from", "to", "step"]) | st.text(), st.text()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_whatever_is_a_fault_of_ours(api: Management, query: dict[str, str]) -> None:
    api.usage.subscription.pull()
    key_id = api.ask("GET", "/v1/keys").json["data"][0]["id"]
    for path in ("/v1/keys", f"/v1/keys/{key_id}", f"/v1/keys/{key_id}/usage"):
        assert api.ask("GET", path, params=query).status_code in (200, 400)
