"""Lifetimes that an organisation sets: no new key outlives the maximum, and those that do already are told as such."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from tests.integration.web.asking import problem
from tests.integration.web.management import BOOTSTRAP, Management

PATH = "/v1/organisation"


def days_from_now(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def lifetime_of(key: dict[str, Any]) -> timedelta | None:
    if key["expires_at"] is None:
        return None
    return datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])


def settings(api: Management, **wanted: Any) -> Any:
    answer = api.ask("PATCH", PATH, json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_they_are_merged_and_cleared_and_shown_with_a_revision(api: Management) -> None:
    shown = api.ask("GET", PATH).json
    assert (shown["lifetime_max_days"], shown["lifetime_default_days"]) == (None, None)
    both = settings(api, lifetime_max_days=90, lifetime_default_days=30, unused_expiry_days=14)
    assert both == shown | {
        "lifetime_max_days": 90,
        "lifetime_default_days": 30,
        "unused_expiry_days": 14,
        "revision": both["revision"],
    }
    merged = settings(api, lifetime_default_days=None)
    assert merged == both | {"lifetime_default_days": None, "revision": both["revision"] + 1}
    assert settings(api, lifetime_max_days=90, lifetime_default_days=None) == merged
    stale = {"If-Match": f'"{both["revision"]}"'}
    problem(api.ask("PATCH", PATH, json={"lifetime_max_days": 5}, headers=stale), 412, "precondition-failed")
    assert api.ask("GET", PATH).headers["ETag"].startswith(f'W/"{merged["revision"]}.')


def test_the_organisation_s_activity_tells_what_its_settings_became(api: Management) -> None:
    settings(api, unused_expiry_days=14, lifetime_max_days=90)
    lifetimes, unused = api.ask("GET", "/v1/organisation/activity", params={"limit": 2}).json["data"]
    assert (lifetimes["type"], unused["type"]) == ("LifetimesChanged", "UnusedExpiryChanged")
    assert unused["facts"].pop("changed_at") < lifetimes["facts"].pop("changed_at")
    assert lifetimes["facts"] == {"lifetime_max_days": 90, "lifetime_default_days": None}
    assert unused["facts"] == {"unused_expiry_days": 14}


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"lifetime_max_days": 0}, "lifetime_max_days"),
        ({"lifetime_max_days": 3651}, "lifetime_max_days"),
        ({"lifetime_max_days": "30"}, "lifetime_max_days"),
        ({"lifetime_default_days": 0}, "lifetime_default_days"),
        ({"lifetime_default_days": 31}, "lifetime_default_days"),
        ({"lifetime_max_days": 19}, "lifetime_default_days"),
        ({"lifetime_max_days": 19, "unused_expiry_days": 30}, "lifetime_default_days"),
    ],
)
def test_the_default_is_at_most_the_maximum_after_the_change(
    api: Management, body: dict[str, Any], member: str
) -> None:
    before = settings(api, lifetime_max_days=30, lifetime_default_days=20)
    assert list(problem(api.ask("PATCH", PATH, json=body), 422, "invalid-body")["errors"]) == [f"/{member}"]
    assert api.ask("GET", PATH).json == before


def test_a_key_that_names_no_expiry_gets_the_default_or_else_the_maximum(api: Management) -> None:
    assert lifetime_of(api.create()) is None
    settings(api, lifetime_max_days=90)
    assert lifetime_of(api.create()) == timedelta(days=90)
    settings(api, lifetime_default_days=7)
    assert lifetime_of(api.create()) == timedelta(days=7)
    settings(api, lifetime_max_days=None)
    assert lifetime_of(api.create()) == timedelta(days=7)
    assert lifetime_of(api.create(expires_at=None)) is None


@pytest.mark.parametrize("expiry", [{"expires_in": 31 * 86_400}, {"expires_at": None}])
def test_no_new_key_outlives_the_maximum(api: Management, expiry: dict[str, Any]) -> None:
    settings(api, lifetime_max_days=30)
    body = {"name": "k", "permissions": ["sensors:read"]}
    refused = problem(api.ask("POST", "/v1/keys", json=body | expiry), 422, "invalid-body")
    ((member, (message,)),) = refused["errors"].items()
    assert member == "/expires_at"
    assert "30 days" in message
    assert lifetime_of(api.create(expires_in=30 * 86_400)) <= timedelta(days=30)  # type: ignore[operator]  # not None


def test_an_admin_key_gets_no_expiry_that_it_did_not_name(api: Management) -> None:
    """Else the last one would end unseen."""
    settings(api, lifetime_default_days=30)
    assert lifetime_of(api.create(permissions=["admin"])) is None
    settings(api, lifetime_max_days=30)
    body = {"name": "k", "permissions": ["admin"]}
    refused = problem(api.ask("POST", "/v1/keys", json=body), 422, "invalid-body")
    assert list(refused["errors"]) == ["/expires_at"]
    assert api.create(permissions=["admin"], expires_in=86_400)["status"] == "active"


def test_no_edit_prolongs_a_key_beyond_the_maximum_and_what_renews_it_leaves_its_expiry(api: Management) -> None:
    key = api.create(expires_in=10 * 86_400)
    path = f"/v1/keys/{key['id']}"
    settings(api, lifetime_max_days=30)
    for beyond in ({"expires_at": None}, {"expires_in": 31 * 86_400}, {"expires_in": 31 * 86_400, "regenerate": True}):
        refused = problem(api.ask("PATCH", path, json=beyond), 422, "invalid-body")
        assert list(refused["errors"]) == ["/expires_at"]
    assert api.ask("PATCH", path, json={"expires_at": days_from_now(29)}).status_code == 200
    expires_at = api.ask("GET", path).json["expires_at"]
    for verb in ("rotate", "suspend", "resume"):
        assert api.ask("POST", f"{path}/{verb}").json["expires_at"] == expires_at
    assert api.ask("PATCH", path, json={"regenerate": True}).json["expires_at"] == expires_at


def test_longer_keys_stay_are_told_as_exceeding_and_may_be_shortened_but_not_prolonged(api: Management) -> None:
    forever, long, short = api.create(), api.create(expires_in=90 * 86_400), api.create(expires_in=86_400)
    revoked = api.create()
    api.ask("POST", f"/v1/keys/{revoked['id']}/revoke")
    settings(api, lifetime_max_days=30)
    listed = {key["id"]: key for key in api.ask("GET", "/v1/keys", params={"limit": 100}).json["data"]}

    def is_exceeding(key: dict[str, Any]) -> bool:
        shown = api.ask("GET", f"/v1/keys/{key['id']}").json
        told = any("30 days" in warning for warning in shown["warnings"])
        assert shown["warnings"] == listed[key["id"]]["warnings"]
        return told

    assert [is_exceeding(key) for key in (forever, long, short, revoked)] == [True, True, False, False]
    for key in (forever, long):
        path = f"/v1/keys/{key['id']}"
        shown = api.ask("GET", path).json
        assert api.ask("PATCH", path, json=shown).json["revision"] == shown["revision"]
        assert api.ask("PATCH", path, json={"expires_in": 60 * 86_400}).status_code == 200
        problem(api.ask("PATCH", path, json={"expires_in": 61 * 86_400}), 422, "invalid-body")
        assert api.ask("POST", f"{path}/rotate").json["status"] == "active"
    settings(api, lifetime_max_days=None)
    assert api.ask("PATCH", f"/v1/keys/{long['id']}", json={"expires_at": None}).status_code == 200


def test_a_key_as_of_an_earlier_time_is_told_by_the_lifetimes_of_then(api: Management) -> None:
    key = api.create()
    moment = datetime.now(UTC).isoformat()
    settings(api, lifetime_max_days=30)
    path = f"/v1/keys/{key['id']}"
    now, then = api.ask("GET", path).json, api.ask("GET", path, params={"as_of": moment}).json
    assert [any("30 days" in warning for warning in shown["warnings"]) for shown in (now, then)] == [True, False]


def test_an_operator_s_admin_key_is_not_bound(api: Management) -> None:
    """The way back in when every admin key has ended."""
    settings(api, lifetime_max_days=30)
    request = KeyRequest(description=Description(name="minted on the host"), permissions=("admin",))
    made = api.keys.commands.create(api.organisation_id, request, BOOTSTRAP, beyond_limit=True)
    assert api.ask("GET", "/v1/keys/self", key=made.secret.value).json["expires_at"] is None
