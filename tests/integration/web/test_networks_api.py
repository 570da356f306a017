"""Networks over HTTP: in the product's form, changed by revision, closed to keys, deleted by their name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from services.sensors.networks.queries import NetworkQueries, NetworkView
from services.sensors.registry.visible import Visible
from tests.integration.web.management import Management
from tests.integration.web.two_organisations import World, two_organisations


@pytest.fixture
def world(api: Management, tmp_path: Path) -> Iterator[World]:
    with two_organisations(api, tmp_path) as world:
        yield world


def ask(world: World, method: str, path: str, *, headers: dict[str, str] | None = None, **parts: Any) -> testing.Result:
    sent = {"Authorization": f"Bearer {world.first.admin}"} | (headers or {})
    return world.client.simulate_request(method, path, headers=sent, **parts)


def created(world: World, **body: Any) -> dict[str, Any]:
    answer = ask(world, "POST", "/v1/networks", json={"name": "Costa"} | body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/networks/{answer.json['data']['id']}"
    made: dict[str, Any] = answer.json["data"]
    return made


def test_a_network_has_the_product_s_members_and_ours(world: World) -> None:
    network = created(world, description="the coast", detection={"trigger_on": 3.5, "stations_min": 4})
    assert {name: network[name] for name in ("name", "description", "organization_id", "sensor_count")} == {
        "name": "Costa",
        "description": "the coast",
        "organization_id": world.first.organisation_id,
        "sensor_count": 0,
    }
    assert (network["api_access"], network["accepts_new"], network["archived"], network["revision"]) == (
        True,
        True,
        False,
        1,
    )
    assert network["detection"] == {
        "trigger_on": 3.5,
        "trigger_off": None,
        "stations_min": 4,
        "window_seconds": None,
    }
    assert ask(world, "GET", f"/v1/networks/{network['id']}").json["data"] == network
    listed = ask(world, "GET", "/v1/networks", params={"limit": "1", "page": "2"}).json
    assert (listed["data"], listed["pagination"]["pages"]) == ([network], 2), "the oldest comes first"


def test_an_answer_sent_back_changes_nothing(world: World) -> None:
    network = created(world, description="the coast", detection={"trigger_on": 3.5})
    answer = ask(world, "PATCH", f"/v1/networks/{network['id']}", json=network)
    assert (answer.status_code, answer.json["data"]) == (200, network)


def test_a_change_names_what_it_is_based_on_by_tag_or_in_its_body(world: World) -> None:
    network = created(world)
    path, tag = f"/v1/networks/{network['id']}", ask(world, "GET", f"/v1/networks/{network['id']}").headers["ETag"]
    changed = ask(world, "PATCH", path, headers={"If-Match": tag}, json={"accepts_new": False})
    assert (changed.status_code, changed.json["data"]["revision"]) == (200, 2)
    for late in ({"headers": {"If-Match": tag}}, {}):
        body = {"name": "late"} if late else {"name": "late", "revision": 1}
        assert ask(world, "PATCH", path, json=body, **late).status_code == 412
    assert ask(world, "PATCH", path, json={"name": "in time", "revision": 2}).json["data"]["name"] == "in time"
    assert ask(world, "GET", path, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 200
    deletion = ask(world, "DELETE", path, headers={"If-Match": tag}, params={"name": "in time"})
    assert deletion.status_code == 412
    tag = ask(world, "GET", path).headers["ETag"]
    assert ask(world, "GET", path, headers={"If-None-Match": tag}).status_code == 304
    for creation in ("/v1/networks", f"{path}/sensors"):
        assert ask(world, "POST", creation, headers={"If-Match": tag}, json={"name": "x"}).status_code in (400, 422)
    assert ask(world, "DELETE", path, headers={"If-Match": tag}, params={"name": "in time"}).status_code == 200


def test_what_is_asked_for_twice_with_one_idempotency_key_is_made_once(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (ask(world, "POST", "/v1/networks", headers=headers, json={"name": "Costa"}) for _ in range(2))
    assert (again.status_code, again.json["data"]) == (201, first.json["data"])
    assert again.headers["Idempotent-Replay"] == "true"
    assert ask(world, "GET", "/v1/networks").json["pagination"]["total"] == 2


def test_a_deletion_wants_the_name_and_no_sensors(world: World) -> None:
    network = created(world)
    path, sensor = f"/v1/networks/{network['id']}", world.first.ids["sensor_id"]
    assert ask(world, "POST", f"{path}/sensors", json={"sensor_ids": [sensor]}).json["data"]["sensor_count"] == 1
    assert ask(world, "GET", f"/v1/sensors/{sensor}").json["data"]["network_id"] == network["id"]
    assert ask(world, "DELETE", path, params={"name": "costa"}).status_code == 400
    refused = ask(world, "DELETE", path, params={"name": "Costa"})
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "in_use")
    back = f"/v1/networks/{world.first.ids['network_id']}/sensors"
    assert ask(world, "POST", back, json={"sensor_ids": [sensor]}).status_code == 200
    assert ask(world, "DELETE", path, params={"name": "Costa"}).json["data"]["id"] == network["id"]
    assert ask(world, "GET", path).status_code == 403


def test_a_closed_network_gives_keys_nothing_from_the_next_request_on(world: World) -> None:
    network_id, sensor = world.first.ids["network_id"], world.first.ids["sensor_id"]
    joined = ask(world, "POST", f"/v1/networks/{network_id}/sensors", json={"sensor_ids": [sensor]})
    assert joined.status_code == 200
    assert ask(world, "PATCH", f"/v1/networks/{network_id}", json={"api_access": False}).status_code == 200
    assert ask(world, "GET", f"/v1/sensors/{sensor}").status_code == 403
    assert ask(world, "GET", f"/v1/sensors/{sensor}/data").status_code == 403
    assert ask(world, "GET", "/v1/sensors").json["pagination"]["total"] == 0
    stats = ask(world, "GET", f"/v1/networks/{network_id}/stats").json["data"]
    assert (stats["total_sensors"], stats["data_completeness"]) == (0, None)
    assert ask(world, "PATCH", f"/v1/networks/{network_id}", json={"api_access": True}).status_code == 200
    assert ask(world, "GET", f"/v1/sensors/{sensor}").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "a‮b"}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "Costa", "detection": {"trigger_on": "3"}}, "/detection/trigger_on"),
        ({"name": "Costa", "detection": {"trigger_on": 2, "trigger_off": 3}}, "/detection/trigger_off"),
        ({"name": "Costa", "detection": {"stations_min": 2.0}}, "/detection/stations_min"),
        ({"name": "Costa", "archived": True}, "/archived"),
        ({"name": "Costa", "api_access": 1}, "/api_access"),
    ],
)
def test_a_body_that_will_not_do_is_told_where(world: World, body: dict[str, Any], pointer: str) -> None:
    answer = ask(world, "POST", "/v1/networks", json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [pointer])


@pytest.mark.parametrize(
    ("query", "status"),
    [({"page": "9"}, 200), ({"page": "0"}, 400), ({"page": "1", "cursor": "x"}, 400), ({"cursor": "x"}, 400)],
)
def test_pages_beyond_the_last_are_empty_and_others_are_refused(
    world: World, query: dict[str, str], status: int
) -> None:
    answer = ask(world, "GET", "/v1/networks", params=query)
    assert answer.status_code == status
    assert status != 200 or (answer.json["data"], answer.json["pagination"]["total"]) == ([], 1)


def test_reading_needs_sensors_read_and_changing_config_write(world: World) -> None:
    keys = {
        permission: ask(world, "POST", "/v1/keys", json={"name": permission, "permissions": [permission]}).json["key"]
        for permission in ("sensors:read", "config:write", "events:read")
    }
    network = world.first.ids["network_id"]
    answers = {
        (permission, method): world.client.simulate_request(
            method,
            f"/v1/networks/{network}",
            headers={"Authorization": f"Bearer {key}"},
            json={} if method == "PATCH" else None,
        ).status_code
        for permission, key in keys.items()
        for method in ("GET", "PATCH")
    }
    assert {asked for asked, status in answers.items() if status == 200} == {
        ("sensors:read", "GET"),
        ("config:write", "PATCH"),
    }


def test_a_change_is_not_committed_when_its_key_is_revoked_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"name": "thief", "permissions": ["config:write"]}
    thief, path = ask(world, "POST", "/v1/keys", json=body).json, f"/v1/networks/{world.first.ids['network_id']}"
    read = NetworkQueries.get_network

    def revoked_meanwhile(queries: NetworkQueries, visible: Visible, network_id: str) -> NetworkView:
        monkeypatch.undo()
        assert ask(world, "POST", f"/v1/keys/{thief['id']}/revoke").status_code == 200
        return read(queries, visible, network_id)

    monkeypatch.setattr(NetworkQueries, "get_network", revoked_meanwhile)
    answer = ask(world, "PATCH", path, headers={"Authorization": f"Bearer {thief['key']}"}, json={"name": "taken"})
    assert (answer.status_code, answer.json["type"].rpartition("/")[2]) == (401, "key-revoked")
    assert ask(world, "GET", path).json["data"]["revision"] == 1
