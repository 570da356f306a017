"""Commands of a key that a gate still admits though its power has ended: refused as the gate will once it has heard."""

from datetime import timedelta
from typing import Any

import falcon
import pytest
from falcon import testing
from sqlalchemy import func, select

from services.keys import assembly, tables
from services.keys.lifecycle.commands import Command, DeleteKey, EditKey, NewSecret, RevokeKey, RotateKey, SuspendKey
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Access, Reason
from shared.web.operation import operation_of
from tests.examples import DIGEST, HINT
from tests.integration.web.asking import problem
from tests.integration.web.management import BOOTSTRAP, Management

# {active}, {suspended}: keys of the organisation in these states, so that each command has something to do.
COMMANDS: dict[tuple[str, str], tuple[str, dict[str, Any] | None]] = {
    ("POST", "/v1/keys"): ("/v1/keys", {"name": "key", "permissions": ["sensors:read"]}),
    ("POST", "/v1/keys/batch"): ("/v1/keys/batch", {"keys": [{"name": "key", "permissions": ["sensors:read"]}] * 2}),
    ("POST", "/v1/keys/import"): (
        "/v1/keys/import",
        {"keys": [{"sha256": "0" * 64, "name": "key", "permissions": ["sensors:read"]}]},
    ),
    ("PATCH", "/v1/keys/{key_id}"): ("/v1/keys/{active}", {"name": "other"}),
    ("DELETE", "/v1/keys/{key_id}"): ("/v1/keys/{active}", None),
    ("POST", "/v1/keys/{key_id}/rotate"): ("/v1/keys/{active}/rotate", {"grace_seconds": 60}),
    ("POST", "/v1/keys/{key_id}/suspend"): ("/v1/keys/{active}/suspend", {}),
    ("POST", "/v1/keys/{key_id}/resume"): ("/v1/keys/{suspended}/resume", {}),
    ("POST", "/v1/keys/{key_id}/revoke"): ("/v1/keys/{active}/revoke", {}),
    ("POST", "/v1/keys/revoke"): ("/v1/keys/revoke", {"label": "line:7"}),
    ("PATCH", "/v1/organisation"): ("/v1/organisation", {"unused_expiry_days": 30}),
}
GIVING_UP = ("POST", "/v1/keys/self/revoke")
# Any key may, whatever its permissions.
OWN_ROTATION = {("POST", "/v1/keys/self/rotate"): ("/v1/keys/self/rotate", {"grace_seconds": 60})}
# What living callers are refused: the key does not exist, is revoked, has another revision, or may not be changed so.
REFUSED: dict[tuple[str, str], list[tuple[str, dict[str, Any] | None, str | None]]] = {
    ("POST", "/v1/keys"): [
        ("/v1/keys", {"name": "key", "permissions": ["sensors:read"], "limits": {"minute": 1_000_000}}, None)
    ],
    ("POST", "/v1/keys/batch"): [
        ("/v1/keys/batch", {"keys": [{"name": "key", "permissions": ["admin"], "networks": ["net_1"]}]}, None)
    ],
    ("POST", "/v1/keys/import"): [
        (
            "/v1/keys/import",
            {"keys": [{"sha256": "0" * 64, "name": "key", "permissions": ["admin"], "networks": ["net_1"]}]},
            None,
        )
    ],
    ("PATCH", "/v1/keys/{key_id}"): [
        ("/v1/keys/key_unknown", {"name": "other"}, None),
        ("/v1/keys/org_unknown", {"name": "other"}, None),
        ("/v1/keys/{revoked}", {"name": "other"}, None),
        ("/v1/keys/{active}", {"name": "other"}, '"7"'),
        ("/v1/keys/{active}", {"permissions": ["admin"]}, None),
        ("/v1/keys/{active}", {"limits": {"minute": 1_000_000}}, None),
        ("/v1/keys/{active}", {"id": "key_other"}, None),
        ("/v1/keys/key_unknown", {"id": "key_other"}, None),
    ],
    ("DELETE", "/v1/keys/{key_id}"): [("/v1/keys/key_unknown", None, None), ("/v1/keys/{active}", None, '"7"')],
    ("POST", "/v1/keys/{key_id}/rotate"): [
        (path, {}, if_match)
        for path, if_match in [
            ("/v1/keys/key_unknown/rotate", None),
            ("/v1/keys/{revoked}/rotate", None),
            ("/v1/keys/{active}/rotate", '"7"'),
        ]
    ],
    ("POST", "/v1/keys/{key_id}/suspend"): [("/v1/keys/{revoked}/suspend", {}, None)],
    ("POST", "/v1/keys/{key_id}/resume"): [("/v1/keys/{revoked}/resume", {}, None)],
    ("POST", "/v1/keys/{key_id}/revoke"): [
        ("/v1/keys/key_unknown/revoke", {}, None),
        ("/v1/keys/{active}/revoke", {}, '"7"'),
    ],
    ("POST", "/v1/keys/revoke"): [("/v1/keys/revoke", {"ids": ["key_unknown"]}, None)],
    ("PATCH", "/v1/organisation"): [("/v1/organisation", {"unused_expiry_days": 30}, '"7"')],
}
ENDINGS: dict[str, Command] = {
    "key-revoked": RevokeKey(reason=Reason.KEY_COMPROMISE, note=None),
    "key-suspended": SuspendKey(),
    "key-rotated": RotateKey(secret=NewSecret(digest=DIGEST, hint=HINT), grace=timedelta()),
    "insufficient-permission": EditKey(permissions=("sensors:read",)),
}


def end(api: Management, key_id: str, command: Command) -> None:
    """Committed, and told to nobody yet."""
    commands, now = api.keys.commands.keys, api.keys.clock.now()
    assert commands.execute(key_id, lambda state: decide(state, command, now), BOOTSTRAP).rows


def log_length(api: Management) -> int:
    with api.keys.database.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(tables.log)).scalar_one())


def told(answer: testing.Result) -> tuple[Any, ...]:
    body = {name: value for name, value in answer.json.items() if name not in ("request_id", "meta")}
    return answer.status_code, body, answer.headers.get("WWW-Authenticate")


def test_every_operation_of_keys_that_changes_something_is_among_them() -> None:
    changing = {
        (method, path)
        for path, resource in assembly.documented_routes()
        for method in sorted(set(falcon.HTTP_METHODS) - {"GET", "HEAD", "OPTIONS"})
        if operation_of(resource, method) is not None
    }
    assert changing == {*COMMANDS, *OWN_ROTATION, GIVING_UP}


@pytest.mark.parametrize("refusal", ENDINGS)
def test_a_command_is_refused_as_the_gate_will_and_leaves_nothing(api: Management, refusal: str) -> None:
    stolen = api.create(permissions=["admin"])
    suspended = api.create()
    api.ask("POST", f"/v1/keys/{suspended['id']}/suspend", json={})
    ids = {"active": api.create(labels={"line": "7"})["id"], "suspended": suspended["id"]}
    api.bell.replica = None
    end(api, stolen["id"], ENDINGS[refusal])
    before = log_length(api)

    def ask(method: str, path: str, body: dict[str, Any] | None) -> tuple[Any, ...]:
        answer = api.ask(method, path.format(**ids), key=stolen["key"], json=body)
        problem(answer, 403 if refusal == "insufficient-permission" else 401, refusal)
        return told(answer)

    commands = COMMANDS | ({} if refusal == "insufficient-permission" else OWN_ROTATION)
    fenced = [ask(method, path, body) for (method, _), (path, body) in commands.items()]
    assert log_length(api) == before
    api.replica.pull()
    by_gate = [ask(method, path, body) for (method, _), (path, body) in commands.items()]
    assert fenced == by_gate


def test_what_is_refused_to_the_living_is_refused_to_the_dead_as_the_gate_will(api: Management) -> None:
    assert REFUSED.keys() == COMMANDS.keys()
    stolen, revoked = api.create(permissions=["admin"]), api.create()
    api.ask("POST", f"/v1/keys/{revoked['id']}/revoke", json={})
    ids = {"active": api.create()["id"], "revoked": revoked["id"]}
    asked = [(method, *each) for (method, _), several in REFUSED.items() for each in several]

    def ask(method: str, path: str, body: dict[str, Any] | None, if_match: str | None) -> testing.Result:
        headers = {} if if_match is None else {"If-Match": if_match}
        return api.ask(method, path.format(**ids), key=stolen["key"], json=body, headers=headers)

    assert {ask(*each).status_code for each in asked} == {404, 409, 412, 422}
    api.bell.replica = None
    end(api, stolen["id"], ENDINGS["key-revoked"])
    before = log_length(api)
    fenced = [told(ask(*each)) for each in asked]
    api.replica.pull()
    assert fenced == [told(ask(*each)) for each in asked]
    assert log_length(api) == before


def test_a_refused_creation_keeps_no_idempotency_key(api: Management) -> None:
    stolen = api.create(permissions=["admin"])
    api.bell.replica = None
    end(api, stolen["id"], ENDINGS["key-revoked"])
    headers = {"Idempotency-Key": "k1"}
    body = {"name": "key", "permissions": ["sensors:read"]}
    problem(api.ask("POST", "/v1/keys", key=stolen["key"], json=body, headers=headers), 401, "key-revoked")
    with api.keys.database.reading() as tx:
        assert tx.execute(select(tables.idempotency)).all() == []


def test_whose_secret_was_rotated_away_gives_up_nothing(api: Management) -> None:
    stolen = api.create()
    api.bell.replica = None
    end(api, stolen["id"], ENDINGS["key-rotated"])
    problem(api.ask("POST", "/v1/keys/self/revoke", key=stolen["key"], json={}), 401, "key-rotated")


def test_deleted_and_expired_keys_are_refused_by_their_names(api: Management) -> None:
    deleted, expired = api.create(permissions=["admin"]), api.create(permissions=["admin"])
    api.bell.replica = None
    end(api, deleted["id"], DeleteKey())
    end(api, expired["id"], EditKey(access=Access(expires_at=api.keys.clock.now())))
    body = {"name": "key", "permissions": ["sensors:read"]}
    problem(api.ask("POST", "/v1/keys", key=deleted["key"], json=body), 401, "invalid-key")
    problem(api.ask("POST", "/v1/keys", key=expired["key"], json=body), 401, "key-expired")


def test_in_its_grace_the_older_secret_commands_as_the_newer_does(api: Management) -> None:
    created = api.create(permissions=["admin"])
    rotated = api.ask("POST", f"/v1/keys/{created['id']}/rotate", json={"grace_seconds": 3600}).json
    for secret in (created["key"], rotated["key"]):
        answer = api.ask("PATCH", "/v1/organisation", key=secret, json={"unused_expiry_days": 30})
        assert answer.status_code == 200
        answer = api.ask("POST", "/v1/keys", key=secret, json={"name": "key", "permissions": ["sensors:read"]})
        assert answer.status_code == 201
