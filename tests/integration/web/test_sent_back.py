"""What GET shows may be sent back whole as a PATCH, which changes nothing; fixed members that differ are refused."""

from typing import Any

import pytest

from services.usage.alerting.rules.rule import Kind
from shared.web.operation import operation_of
from tests.integration.web.asking import problem
from tests.integration.web.management import Management

URL = "https://hooks.example.org/grillo"
FIXED = {
    "/v1/keys/{key_id}": {"id", "hint", "created_at", "created_by"},
    "/v1/organisation": {"id", "name", "registered_at"},
    "/v1/alert-rules/{rule_id}": {"id", "kind", "created_at"},
    "/v1/channels/{channel_id}": {"id", "kind", "created_at"},
}
MOVING = {
    "/v1/keys/{key_id}": {
        "status",
        "revision",
        "last_used_at",
        "previous_secret",
        "tier",
        "effective_limits",
        "warnings",
    },
    "/v1/organisation": {"revision", "tier", "limits", "keys"},
    "/v1/alert-rules/{rule_id}": {"revision", "warnings"},
    "/v1/channels/{channel_id}": {"revision", "held", "disabled_at", "disabled_reason", "previous_secret_until"},
}


@pytest.fixture
def managed(api: Management) -> Management:
    """Usage has followed the log, so the organisation has its default rules."""
    api.usage.subscription.pull()
    return api


def made(api: Management, path: str, **body: Any) -> str:
    answer = api.ask("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    return f"{path}/{answer.json['id']}"


def subjects(api: Management) -> dict[str, list[str]]:
    """Route → resources of it, in as many states as a PATCH may meet."""
    plain, deleted = api.create(), api.create()
    rich = api.create(
        description="two\nlines", labels={"env": "prod"}, limits={"minute": 3}, allowed_addresses=["192.0.2.0/24"]
    )
    suspended = api.create(expires_in=3600)
    api.ask("POST", f"/v1/keys/{suspended['id']}/suspend")
    hook = made(api, "/v1/channels", kind="webhook", url=URL)
    named = made(api, "/v1/channels", kind="webhook", url=URL, name="Ours", events=["KeyRevoked", "AlertRaised"])
    disabled = made(api, "/v1/channels", kind="webhook", url=URL)
    api.ask("PATCH", disabled, json={"disabled": True})
    renewed = made(api, "/v1/channels", kind="webhook", url=URL)
    api.ask("POST", f"{renewed}/rotate-secret")
    rules = [made(api, "/v1/alert-rules", kind=kind) for kind in Kind]
    rules.append(made(api, "/v1/alert-rules", kind="quota", label="env:prod", muted=True))
    of_keys = {"key_ids": [plain["id"], deleted["id"]], "channels": [hook.rpartition("/")[2]]}
    rules.append(made(api, "/v1/alert-rules", kind="volume", parameters={"factor": 3}, **of_keys))
    api.ask("DELETE", f"/v1/keys/{deleted['id']}")
    api.usage.subscription.pull()
    return {
        "/v1/keys/{key_id}": [f"/v1/keys/{key['id']}" for key in (plain, rich, suspended)],
        "/v1/organisation": ["/v1/organisation"],
        "/v1/alert-rules/{rule_id}": rules,
        "/v1/channels/{channel_id}": [
            hook,
            named,
            disabled,
            renewed,
            made(api, "/v1/channels", kind="email", address="ops@example.org"),
        ],
    }


def test_everything_that_can_be_changed_is_here(api: Management) -> None:
    assert {route.path for route in api.routes if operation_of(route.resource, "PATCH")} == FIXED.keys()


def test_what_is_sent_back_as_it_was_shown_changes_nothing(managed: Management) -> None:
    for paths in subjects(managed).values():
        for path in paths:
            shown = managed.ask("GET", path)
            answer = managed.ask("PATCH", path, json=shown.json, headers={"If-Match": shown.headers["ETag"]})
            assert answer.status_code == 200, (path, answer.text)
            assert managed.ask("GET", path).json == shown.json


def test_of_what_callers_do_not_set_the_fixed_must_be_as_it_is_and_the_moving_is_passed_over(
    managed: Management,
) -> None:
    for route, paths in subjects(managed).items():
        path = paths[0]
        shown = managed.ask("GET", path).json
        assert FIXED[route] | MOVING[route] <= shown.keys()
        for name in FIXED[route]:
            other = "2020-01-01T00:00:00Z" if name.endswith("_at") else f"{shown[name]}x"
            answer = managed.ask("PATCH", path, json={name: other})
            assert list(problem(answer, 422, "invalid-body")["errors"]) == [f"/{name}"]
        for name in MOVING[route]:
            for moved in (None, "another", 7):
                assert managed.ask("PATCH", path, json={name: moved}).status_code == 200, (path, name)
        for unknown in ("key", "secret", "weather"):
            answer = managed.ask("PATCH", path, json={unknown: "x"})
            assert f"/{unknown}" in problem(answer, 422, "invalid-body")["errors"]
        assert managed.ask("GET", path).json == shown


def test_a_channel_whose_target_is_allowed_no_more_is_still_sent_back(
    managed: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As rules of targets may have become stricter since it was made."""
    path = made(managed, "/v1/channels", kind="webhook", url=URL)
    monkeypatch.setattr("services.usage.notifications.api.forbidden_target", lambda *_: "is forbidden now")
    shown = managed.ask("GET", path).json
    assert managed.ask("PATCH", path, json=shown).json == shown
    problem(managed.ask("PATCH", path, json={"url": f"{URL}/other"}), 422, "invalid-body")
