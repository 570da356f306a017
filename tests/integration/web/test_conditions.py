"""Conditions of requests: a change based on what is no more is refused, and what was done is not done twice."""

from typing import Any

import falcon
import pytest

from services.service_registry import documented_routes
from shared.web.operation import Operation, operation_of
from tests.integration.web.asking import problem
from tests.integration.web.management import Management
from tests.integration.web.test_fenced_commands import COMMANDS, OWN_ROTATION, log_length

# They answer a question, or belong to no resource that has a revision.
QUESTIONS = {"/v1/keys/verify", "/v1/authorize"}
WITHOUT_REVISION = {"/v1/keys/revoke", "/v1/channels/{channel_id}/replay", "/v1/deliveries/{delivery_id}/redeliver"}
CREATIONS = {"/v1/keys", "/v1/alert-rules", "/v1/channels"}


def changing() -> list[tuple[str, str, Operation]]:
    found = []
    for path, resource in documented_routes():
        for method in set(falcon.HTTP_METHODS) - {"GET", "HEAD", "OPTIONS"}:
            declared = operation_of(resource, method)
            if declared is not None and path not in QUESTIONS:
                found.append((method, path, declared))
    return found


def test_every_change_of_what_has_a_revision_can_be_based_on_one() -> None:
    without = {path for _, path, declared in changing() if not declared.conditional}
    assert without == WITHOUT_REVISION | CREATIONS


def test_every_post_can_be_repeated_when_its_answer_was_lost() -> None:
    assert [path for method, path, declared in changing() if method == "POST" and declared.repeated is None] == []


def given(api: Management) -> dict[str, str]:
    suspended = api.create()
    api.ask("POST", f"/v1/keys/{suspended['id']}/suspend", json={})
    return {"active": api.create(labels={"line": "7"})["id"], "suspended": suspended["id"]}


POSTS = {path: told for (method, path), told in (COMMANDS | OWN_ROTATION).items() if method == "POST"}


@pytest.mark.parametrize("path", POSTS)
def test_a_post_whose_answer_was_lost_changes_nothing_when_it_is_repeated(api: Management, path: str) -> None:
    target, body = POSTS[path]
    target, headers = target.format(**given(api)), {"Idempotency-Key": "lost"}
    first = api.ask("POST", target, json=body, headers=headers)
    length = log_length(api)
    again = api.ask("POST", target, json=body, headers=headers)
    assert (again.status_code, log_length(api)) == (first.status_code, length)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json.get("id") == first.json.get("id")
    if "key" in first.json:
        assert (first.json["key"][:4], again.json["key"]) == ("grl_", None)
    other = problem(
        api.ask("POST", target, json=(body or {}) | {"reason": "superseded"}, headers=headers), 422, "invalid-body"
    )
    assert other["errors"]


def test_a_rotation_repeated_ends_no_secret_that_is_in_use(api: Management) -> None:
    """Two rotations within the grace would end the secret that production still sends."""
    key = api.create()
    path, body, headers = f"/v1/keys/{key['id']}/rotate", {"grace_seconds": 3600}, {"Idempotency-Key": "lost"}
    for _ in range(2):
        assert api.ask("POST", path, json=body, headers=headers).status_code == 200
    assert api.ask("GET", "/v1/keys/self", key=key["key"]).status_code == 200


@pytest.mark.parametrize(("method", "path"), [each for each in COMMANDS if "{key_id}" in each[1]])
def test_a_change_of_what_has_changed_since_is_refused(api: Management, method: str, path: str) -> None:
    target, body = COMMANDS[method, path]
    target, length = target.format(**given(api)), log_length(api)
    for stale in ('"9"', 'W/"9.abc"', '"8", "9"'):
        problem(api.ask(method, target, json=body, headers={"If-Match": stale}), 412, "precondition-failed")
    assert log_length(api) == length
    seen = api.ask("GET", target.removesuffix(path.removeprefix("/v1/keys/{key_id}"))).headers["ETag"]
    assert api.ask(method, target, json=body, headers={"If-Match": f'"99", {seen}'}).status_code == 200


def test_who_has_it_already_is_not_sent_it_again_and_pays_the_request(api: Management) -> None:
    path = f"/v1/keys/{api.create()['id']}"
    first = api.ask("GET", path)
    again = api.ask("GET", path, headers={"If-None-Match": f'"x", {first.headers["ETag"]}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert left(again) == left(first) - 1
    api.ask("PATCH", path, json={"name": "other"})
    assert api.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def left(answer: Any) -> int:
    return int(answer.headers["X-RateLimit-Remaining"])


def test_a_condition_that_means_nothing_is_refused(api: Management) -> None:
    problem(api.ask("GET", "/v1/keys", headers={"If-Match": '"1"'}), 400, "invalid-request")
    body = {"name": "key", "permissions": ["sensors:read"]}
    problem(api.ask("POST", "/v1/keys", json=body, headers={"If-Match": '"1"'}), 400, "invalid-request")
