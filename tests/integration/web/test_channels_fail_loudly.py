"""Channels over HTTP when they fail: what is for them is held, and who relies on them is told."""

import json
from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management
from tests.integration.web.test_alerts_api import URL, channel, listed, made


@pytest.fixture
def managed(api: Management) -> Management:
    """Usage has followed the log, so the organisation has its default rules."""
    api.usage.subscription.pull()
    return api


def test_what_is_for_a_disabled_channel_is_held_counted_and_replayed_under_its_id(managed: Management) -> None:
    hook = channel(managed, events=["KeyCreated"])
    path = f"/v1/channels/{hook['id']}"
    assert managed.ask("PATCH", path, json={"disabled": True}).json["held"] == 0
    managed.create()
    managed.usage.subscription.pull()
    (held,) = listed(managed, "/v1/deliveries", status="held")
    assert (held["channel_id"], held["type"], held["next_attempt_at"]) == (hook["id"], "KeyCreated", None)
    problem(managed.ask("POST", f"{path}/replay"), 409, "conflict")
    enabled = managed.ask("PATCH", path, json={"disabled": False})
    assert (
        enabled.json["held"] == managed.ask("GET", path).json["held"] == listed(managed, "/v1/channels")[0]["held"] == 1
    )
    later = managed.ask("POST", f"{path}/replay", json={"since": "2999-01-01T00:00:00Z"})
    assert (later.status_code, later.json) == (202, {"id": hook["id"], "replayed": 0, "held": 1})
    replayed = managed.ask("POST", f"{path}/replay", json={"since": held["created_at"]})
    assert replayed.json == {"id": hook["id"], "replayed": 1, "held": 0}
    (pending,) = listed(managed, "/v1/deliveries", status="pending")
    assert (pending["id"], pending["webhook_id"]) == (held["id"], held["webhook_id"])
    other = managed.another_organisation()
    problem(managed.ask("POST", f"{path}/replay", key=other), 404, "not-found")


def test_the_other_channels_are_told_and_not_the_one_itself(managed: Management) -> None:
    hook = channel(managed, name="The railway's")
    alerted, asking, lifecycle = (
        channel(managed, events=events) for events in (["AlertRaised"], ["channel-disabled"], ["KeyCreated"])
    )
    for _ in range(2):
        managed.ask("PATCH", f"/v1/channels/{hook['id']}", json={"disabled": True})
    told = listed(managed, "/v1/deliveries")
    assert {one["channel_id"] for one in told} == {alerted["id"], asking["id"]}
    assert lifecycle["id"] not in str(told)
    data = told[0]["payload"]["data"]
    assert (data["channel_id"], data["name"]) == (hook["id"], "The railway's")
    assert data["disabled_reason"] == "disabled by the organisation"
    assert URL not in str(told)
    assert len(told) == 2


def test_a_channel_that_a_rule_names_is_in_use(managed: Management) -> None:
    hook, spare = channel(managed), channel(managed)
    rules = [made(managed, "/v1/alert-rules", kind=kind, channels=[hook["id"]]) for kind in ("quota", "volume")]
    path = f"/v1/channels/{hook['id']}"
    answer = problem(managed.ask("DELETE", path), 409, "in-use")
    assert answer["rules"] == [rule["id"] for rule in rules]
    assert all(rule["id"] in answer["detail"] for rule in rules)
    assert managed.ask("GET", path).status_code == 200
    managed.ask("PATCH", f"/v1/alert-rules/{rules[0]['id']}", json={"channels": [spare["id"]]})
    managed.ask("DELETE", f"/v1/alert-rules/{rules[1]['id']}")
    assert managed.ask("DELETE", path).status_code == 200


def test_a_rule_of_which_nobody_hears_warns(managed: Management) -> None:
    (quota,) = [rule for rule in listed(managed, "/v1/alert-rules", limit=100) if rule["kind"] == "quota"]
    assert quota["warnings"]
    hook = channel(managed)
    path = f"/v1/alert-rules/{quota['id']}"
    assert managed.ask("GET", path).json["warnings"] == []
    named = made(managed, "/v1/alert-rules", kind="quota", channels=[hook["id"]])
    managed.ask("PATCH", f"/v1/channels/{hook['id']}", json={"disabled": True})
    for rule in (quota, named):
        (warning,) = managed.ask("GET", f"/v1/alert-rules/{rule['id']}").json["warnings"]
        assert "disabled" in warning
    managed.ask("PATCH", f"/v1/channels/{hook['id']}", json={"disabled": False, "events": ["KeyCreated"]})
    (warning,) = managed.ask("GET", f"/v1/alert-rules/{named['id']}").json["warnings"]
    assert "AlertRaised" in warning
    assert managed.ask("PATCH", path, json={"muted": True}).json["warnings"] == []


def test_a_rule_s_change_merges_its_parameters_and_what_changes_nothing_is_no_revision(managed: Management) -> None:
    own = {"threshold_percent": 30, "requests_min": 7}
    rule = made(managed, "/v1/alert-rules", kind="error-rate", parameters=own)
    path = f"/v1/alert-rules/{rule['id']}"

    def changed(**body: Any) -> tuple[Any, int]:
        answer = managed.ask("PATCH", path, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["ETag"] == managed.ask("GET", path).headers["ETag"]
        return answer.json["parameters"], answer.json["revision"]

    assert changed() == (own, 1)
    assert changed(parameters={}) == (own, 1)
    assert changed(parameters={"requests_min": 7}, muted=False, channels=[]) == (own, 1)
    assert changed(parameters={"requests_min": 8}) == (own | {"requests_min": 8}, 2)
    assert changed(parameters={"threshold_percent": None}) == ({"threshold_percent": 50, "requests_min": 8}, 3)
    assert changed(parameters=None) == ({"threshold_percent": 50, "requests_min": 20}, 4)
    refused = managed.ask("PATCH", path, json={"parameters": {"requests_min": 9, "threshold": None}})
    assert "/parameters/threshold" in problem(refused, 422, "invalid-body")["errors"]
    assert changed() == ({"threshold_percent": 50, "requests_min": 20}, 4)


def test_a_channel_has_a_name_and_its_change_merges(managed: Management) -> None:
    hook = channel(managed, events=["KeyCreated"])
    assert hook["name"] == "hooks.example.org"
    path = f"/v1/channels/{hook['id']}"
    assert managed.ask("PATCH", path, json={}).json["revision"] == 1
    assert managed.ask("PATCH", path, json={"url": URL, "disabled": False}).json["revision"] == 1
    named = managed.ask("PATCH", path, json={"name": "The railway's"}).json
    assert (named["name"], named["revision"], named["events"]) == ("The railway's", 2, ["KeyCreated"])
    moved = managed.ask("PATCH", path, json={"name": None, "events": None, "url": "https://other.example.org/"}).json
    assert (moved["name"], moved["events"]) == ("other.example.org", ["AlertRaised", "AlertResolved"])
    assert channel(managed, name="Ours")["name"] == "Ours"
    assert made(managed, "/v1/channels", kind="email", address="ops@mail.example.org")["name"] == "mail.example.org"
    for name in ("", " ", "a\nb", "x" * 101, f"grl_{'a' * 49}"):
        answer = managed.ask("POST", "/v1/channels", json={"kind": "webhook", "url": URL, "name": name})
        assert "/name" in problem(answer, 422, "invalid-body")["errors"], name


def test_payloads_name_things_as_the_api_does_with_revision_and_actor(managed: Management) -> None:
    hook = channel(managed, events=["KeyCreated", "KeyAccessChanged", "KeyRevoked"])
    key = managed.create(limits={"minute": 10})
    path = f"/v1/keys/{key['id']}"
    managed.ask("PATCH", path, json={"limits": {"minute": 10, "day": 50}})
    managed.ask("PATCH", path, json={"name": "Another name"})  # which is not told, and a revision as well
    managed.ask("POST", f"{path}/revoke")
    managed.usage.subscription.pull()
    found = listed(managed, "/v1/deliveries", channel_id=hook["id"])
    told = {one["type"]: one["payload"]["data"] for one in found}
    assert told["KeyCreated"]["limits"] == {"minute": 10, "day": None}
    assert told["KeyAccessChanged"]["limits"] == {"minute": 10, "day": 50}
    created_by = managed.ask("GET", path).json["created_by"]
    assert {(data["hint"], data["actor"]) for data in told.values()} == {(key["hint"], created_by)}
    assert [told[type_]["revision"] for type_ in ("KeyCreated", "KeyAccessChanged", "KeyRevoked")] == [1, 2, 4]
    for old in ("minute_limit", "day_limit", "key_hint"):
        assert old not in json.dumps(found)
