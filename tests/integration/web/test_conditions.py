"""Conditions of requests: a change based on what is no more is refused, and what was done is not done twice."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon
import pytest

from services.service_registry import SERVICES, documented_routes
from shared.runtime.clock import ManualClock
from shared.web.operation import Operation, operation_of
from tests.integration.web.asking import problem
from tests.integration.web.management import Management, management
from tests.integration.web.test_fenced_commands import COMMANDS, OWN_ROTATION, log_length
from tests.integration.web.test_still_admitted import CHANGES, HOOK, contents

# They answer a question, or belong to no resource that has a revision.
QUESTIONS = {"/v1/keys/verify", "/v1/authorize", "/v1/sensors/batch"}
WITHOUT_REVISION = {"/v1/keys/revoke", "/v1/channels/{channel_id}/replay", "/v1/deliveries/{delivery_id}/redeliver"}
WITHOUT_REVISION |= {"/v1/networks/{network_id}/sensors"}
CREATIONS = {"/v1/keys", "/v1/keys/batch", "/v1/keys/import"}
CREATIONS |= {"/v1/alert-rules", "/v1/channels", "/v1/networks", "/v1/exports"}
# Of the two services that are asked here; those of sensors are asked beside the rest of theirs.
SERVED = {path for name in ("keys", "usage") for path, _ in SERVICES[name].assembly.documented_routes()}
# (method, path) → (target, body), of both services.
ASKED: dict[tuple[str, str], tuple[str, dict[str, Any] | None]] = COMMANDS | OWN_ROTATION
ASKED |= {(method, path): (path, body) for (method, path), body in CHANGES.items()}
# Bodies that ask for something else, where an operation's has members that may differ.
OTHERS: dict[str, dict[str, Any]] = {
    "/v1/keys": {"name": "other", "permissions": ["sensors:read"]},
    "/v1/keys/batch": {"keys": [{"name": "other", "permissions": ["sensors:read"]}]},
    "/v1/keys/import": {"keys": [{"sha256": "1" * 64, "name": "other", "permissions": ["sensors:read"]}]},
    "/v1/keys/{key_id}/rotate": {"grace_seconds": 61},
    "/v1/keys/{key_id}/revoke": {"reason": "superseded"},
    "/v1/keys/revoke": {"label": "line:8"},
    "/v1/keys/self/rotate": {"grace_seconds": 61},
    "/v1/alert-rules": {"kind": "volume"},
    "/v1/channels": HOOK | {"name": "other"},
    "/v1/channels/{channel_id}/rotate-secret": {"overlap_seconds": 61},
    "/v1/channels/{channel_id}/replay": {"since": "2999-01-01T00:00:00Z"},
}


def changing() -> list[tuple[str, str, Operation]]:
    found = []
    for path, resource in documented_routes():
        for method in sorted(set(falcon.HTTP_METHODS) - {"GET", "HEAD", "OPTIONS"}):
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
    """Ids, so that each change has something to do: two keys, a rule, a channel for which something is held."""
    suspended = api.create()
    api.ask("POST", f"/v1/keys/{suspended['id']}/suspend", json={})
    api.usage.subscription.pull()
    hook = api.ask("POST", "/v1/channels", json=HOOK | {"events": ["KeyCreated"]}).json["id"]
    channel = f"/v1/channels/{hook}"
    api.ask("PATCH", channel, json={"disabled": True})
    active = api.create(labels={"line": "7"})["id"]
    api.usage.subscription.pull()
    assert api.ask("PATCH", channel, json={"disabled": False}).json["held"] == 1
    sent = api.ask("POST", f"{channel}/test", json={}).json["id"]
    rule = api.ask("POST", "/v1/alert-rules", json={"kind": "quota"}).json["id"]
    return {"active": active, "suspended": suspended["id"], "key_id": active} | {
        "rule_id": rule,
        "channel_id": hook,
        "delivery_id": sent,
    }


def state(api: Management) -> tuple[int, list[Any]]:
    return log_length(api), contents(api)


@pytest.mark.parametrize("path", [path for method, path in ASKED if method == "POST"])
def test_a_post_whose_answer_was_lost_changes_nothing_when_it_is_repeated(api: Management, path: str) -> None:
    target, body = ASKED["POST", path]
    target, headers = target.format(**given(api)), {"Idempotency-Key": "lost"}
    before = state(api)
    first = api.ask("POST", target, json=body, headers=headers)
    done = state(api)
    assert done != before
    again = api.ask("POST", target, json=body, headers=headers)
    assert (again.status_code, state(api)) == (first.status_code, done)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json.get("id") == first.json.get("id")
    for secret in {"key", "secret"} & first.json.keys():
        assert (first.json[secret][:4] in ("grl_", "whse"), again.json[secret]) == (True, None)
    if path in OTHERS:
        other = problem(api.ask("POST", target, json=OTHERS[path], headers=headers), 422, "invalid-body")
        assert other["errors"] == {"": ["this Idempotency-Key came with another body before"]}
        assert state(api) == done
    anew = api.ask("POST", target, json=body, headers={"Idempotency-Key": "meant"})
    assert "Idempotent-Replay" not in anew.headers


def test_a_rotation_repeated_ends_no_secret_that_is_in_use(api: Management) -> None:
    """Two rotations within the grace would end the secret that production still sends."""
    key = api.create()
    path, body, headers = f"/v1/keys/{key['id']}/rotate", {"grace_seconds": 3600}, {"Idempotency-Key": "lost"}
    for _ in range(2):
        assert api.ask("POST", path, json=body, headers=headers).status_code == 200
    assert api.ask("GET", "/v1/keys/self", key=key["key"]).status_code == 200


CONDITIONAL = [
    (method, path) for method, path, declared in changing() if declared.conditional and "{" in path and path in SERVED
]


@pytest.mark.parametrize(("method", "path"), CONDITIONAL)
def test_a_change_of_what_has_changed_since_is_refused(api: Management, method: str, path: str) -> None:
    target, body = ASKED[method, path]
    target, before = target.format(**given(api)), state(api)
    for stale in ('"9"', 'W/"9.abc"', '"8", "9"'):
        problem(api.ask(method, target, json=body, headers={"If-Match": stale}), 412, "precondition-failed")
    assert state(api) == before
    seen = api.ask("GET", "/".join(target.split("/")[:4])).headers["ETag"]
    assert api.ask(method, target, json=body, headers={"If-Match": f'"99", {seen}'}).status_code in (200, 202)
    assert state(api) != before


def test_what_has_no_revision_is_changed_under_no_such_condition(api: Management) -> None:
    ids = given(api)
    before = state(api)
    for path in (WITHOUT_REVISION | CREATIONS) & SERVED:
        target, body = ASKED["POST", path]
        problem(api.ask("POST", target.format(**ids), json=body, headers={"If-Match": "*"}), 400, "invalid-request")
    assert state(api) == before


READS = [path for path, resource in documented_routes() if (read := operation_of(resource, "GET")) and read.is_read]


@pytest.fixture
def at_rest(tmp_path: Path) -> Iterator[Management]:
    """Its clock stands still, for ranges end now."""
    api = management(tmp_path, clock=ManualClock(datetime.now(UTC)))
    yield api
    api.close()


def test_whatever_is_read_is_not_sent_again_to_who_has_it(at_rest: Management) -> None:
    api, ids = at_rest, given(at_rest)
    read = {path: path.format(**ids) for path in READS if not set(re.findall(r"{(\w+)}", path)) - ids.keys()}
    served = {path: target for path, target in read.items() if api.ask("GET", target).status_code == 200}
    assert {path.split("/")[2] for path in served} == {"keys", "organisation", "usage"} | {
        "alert-rules",
        "alerts",
        "channels",
        "deliveries",
    }
    for path, target in served.items():
        tag = api.ask("GET", target).headers["ETag"]
        again = api.ask("GET", target, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), path
        assert api.ask("GET", target, headers={"If-None-Match": '"0.other"'}).status_code == 200, path
    for target, change in (
        (f"/v1/alert-rules/{ids['rule_id']}", {"muted": True}),
        (f"/v1/channels/{ids['channel_id']}", {"name": "other"}),
    ):
        tag = api.ask("GET", target).headers["ETag"]
        api.ask("PATCH", target, json=change)
        assert api.ask("GET", target, headers={"If-None-Match": tag}).status_code == 200


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
