"""Who sends a secret that was ended is refused by its reason, and its owner is told: from where, how often, which."""

import csv
import io
from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management

TRIES = 93


def entries(api: Management, key: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    answer = api.ask("GET", f"/v1/keys/{key['id']}/activity", params={"limit": "100"} | wanted)
    assert answer.status_code == 200, answer.text
    return [entry["request"] for entry in answer.json["data"] if entry["request"]]


def test_a_leaked_secret_after_its_rotation_is_refused_recorded_and_told_to_its_owner(api: Management) -> None:
    created = api.create()
    rotated = api.ask("POST", f"/v1/keys/{created['id']}/rotate", json={}).json
    for _ in range(TRIES):
        refused = api.ask("GET", "/v1/keys/self", key=created["key"])
        problem(refused, 401, "key-rotated")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert "RateLimit" not in refused.headers, "the limits are the living secret's"
    assert api.ask("GET", "/v1/keys/self", key=rotated["key"]).status_code == 200
    api.count()

    used = api.ask("GET", f"/v1/keys/{created['id']}/usage").json
    assert sum(bucket["by_status"].get("401", 0) for bucket in used["series"]) == TRIES
    tries = entries(api, created, secret_hint=created["hint"])
    assert sum(each["requests"] for each in tries) == TRIES
    assert {(each["problem"], each["address"]) for each in tries} == {("key-rotated", "127.0.0.1")}
    assert [each["secret_hint"] for each in entries(api, created, status="200")] == [None]
    (alert,) = api.ask("GET", "/v1/alerts", params={"key_id": created["id"]}).json["data"]
    facts = alert["facts"]
    assert (alert["kind"], facts["problem"], facts["secret_hint"]) == ("dead-key-used", "key-rotated", created["hint"])
    assert facts["address"] == "127.0.0.1"

    csv_ = api.ask("GET", f"/v1/keys/{created['id']}/activity", headers={"Accept": "text/csv"})
    hints = {row["secret_hint"] for row in csv.DictReader(io.StringIO(csv_.content.decode("utf-8-sig")))}
    assert hints == {"", created["hint"]}


def test_in_a_grace_the_activity_says_which_requests_came_with_the_secret_before(api: Management) -> None:
    created = api.create()
    rotated = api.ask("POST", f"/v1/keys/{created['id']}/rotate", json={"grace_seconds": 600}).json
    for secret in (created["key"], rotated["key"]):
        assert api.ask("GET", "/v1/keys/self", key=secret).status_code == 200
    api.count()
    assert [each["secret_hint"] for each in entries(api, created)] == [None, created["hint"]]
    assert len(entries(api, created, secret_hint=created["hint"])) == 1


@pytest.mark.parametrize(
    ("verb", "name"), [("suspend", "key-suspended"), ("revoke", "key-revoked")], ids=["suspended", "revoked"]
)
def test_what_a_dead_key_was_refused_with_is_in_its_alert(api: Management, verb: str, name: str) -> None:
    created = api.create()
    api.ask("POST", f"/v1/keys/{created['id']}/{verb}", json={})
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, name)
    api.count()
    (alert,) = api.ask("GET", "/v1/alerts", params={"key_id": created["id"]}).json["data"]
    assert (alert["facts"]["problem"], alert["facts"]["secret_hint"]) == (name, created["hint"])


def test_revocation_is_told_before_rotation_and_deletion_hides_both(api: Management) -> None:
    created = api.create()
    path = f"/v1/keys/{created['id']}"
    rotated = api.ask("POST", f"{path}/rotate", json={}).json
    api.ask("POST", f"{path}/suspend", json={})
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-rotated")
    problem(api.ask("GET", "/v1/keys/self", key=rotated["key"]), 401, "key-suspended")
    api.ask("POST", f"{path}/revoke", json={})
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "key-revoked")
    api.count()
    api.ask("DELETE", path)
    problem(api.ask("GET", "/v1/keys/self", key=created["key"]), 401, "invalid-key")
    api.count()
    told = api.ask("GET", "/v1/alerts", params={"key_id": created["id"]}).text
    for hint in (created["hint"], rotated["hint"], "127.0.0.1"):
        assert hint not in told
