"""What happened to all keys of an organisation: newest first, page by page, deleted keys by id and hint alone."""

from typing import Any

import pytest

from services.keys.rpc.remote_commands import RemoteCommands
from shared.web.requests import cursor
from tests.integration.web.asking import problem
from tests.integration.web.management import Management


def read(api: Management, **params: Any) -> Any:
    answer = api.ask("GET", "/v1/organisation/activity", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_it_tells_of_every_key_also_of_a_deleted_one(api: Management) -> None:
    api.another_organisation()
    kept, deleted = api.create(name="Kept"), api.create(name="Zanzibar")
    api.ask("POST", f"/v1/keys/{kept['id']}/suspend")
    api.ask("DELETE", f"/v1/keys/{deleted['id']}")
    happened = read(api)["data"]
    first_admin = happened[-2]["key_id"]
    assert [(entry["type"], entry["key_id"]) for entry in happened] == [
        ("KeyDeleted", deleted["id"]),
        ("KeyRevoked", deleted["id"]),
        ("KeySuspended", kept["id"]),
        ("KeyCreated", deleted["id"]),
        ("KeyCreated", kept["id"]),
        ("KeyCreated", first_admin),
        ("OrganisationRegistered", None),
    ]
    assert [entry["hint"] for entry in happened[:3]] == [deleted["hint"], deleted["hint"], kept["hint"]]
    assert happened[0]["actor"] == first_admin
    assert "Zanzibar" not in str(happened)


def test_a_command_of_another_back_end_is_its_account_s_and_names_whom_it_was_for(api: Management) -> None:
    key_id = api.create(name="Railway")["id"]
    commands = RemoteCommands(api.keys.commands)
    commands.suspend(api.organisation_id, key_id, "alice", account="billing")
    commands.resume(api.organisation_id, key_id, "alice", account=None)  # before accounts are demanded
    told = [(entry["actor"], entry["on_behalf_of"]) for entry in read(api)["data"][:2]]
    assert told == [("alice", None), ("rpc:billing", "alice")]
    assert [entry.on_behalf_of for entry in api.keys.history.of_key(api.organisation_id, key_id)] == [
        None,
        "alice",
        None,
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_join_while_keys_are_made(api: Management, limit: int) -> None:
    for _ in range(3):
        api.create()
    whole = read(api, limit=100)["data"]
    page = read(api, limit=limit)
    seen = page["data"]
    while page["next_cursor"] is not None:
        api.create()
        page = read(api, limit=limit, cursor=page["next_cursor"])
        seen += page["data"]
    assert seen == whole


@pytest.mark.parametrize("given", ["tampered", cursor.encode("x"), cursor.encode("1", "2")])
def test_a_cursor_of_another_s_making_is_refused(api: Management, given: str) -> None:
    problem(api.ask("GET", "/v1/organisation/activity", params={"cursor": given}), 400, "invalid-request")


def test_it_is_filtered_by_type_and_time(api: Management) -> None:
    first, second = api.create()["id"], api.create()["id"]
    verbs = [api.ask("POST", f"/v1/keys/{key_id}/suspend", json={}).json for key_id in (first, second)]
    suspended = read(api, type="KeySuspended")["data"]
    assert [entry["key_id"] for entry in suspended] == [second, first]
    both = read(api, type=["KeySuspended", "OrganisationRegistered"])["data"]
    assert [entry["type"] for entry in both] == ["KeySuspended", "KeySuspended", "OrganisationRegistered"]
    at = suspended[0]["at"]
    assert [entry["key_id"] for entry in read(api, **{"type": "KeySuspended", "from": at})["data"]] == [second]
    assert [entry["key_id"] for entry in read(api, type="KeySuspended", to=at)["data"]] == [first]
    for wrong in ({"type": "KeyLost"}, {"from": "yesterday"}, {"since": at}):
        problem(api.ask("GET", "/v1/organisation/activity", params=wrong), 400, "invalid-request")
    assert [answer["status"] for answer in verbs] == ["suspended"] * 2
