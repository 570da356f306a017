"""Sensors over HTTP: the product's fields, status from what arrived, configuration with its history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime.clock import SystemClock
from tests.integration.web.management import Management
from tests.integration.web.sensor_world import SensorWorld, sensor_world


@pytest.fixture
def world(api: Management, tmp_path: Path) -> Iterator[SensorWorld]:
    with sensor_world(api, tmp_path, SystemClock()) as world:
        yield world


def test_a_sensor_has_all_of_the_product_s_fields_and_null_where_nothing_is_known(world: SensorWorld) -> None:
    sensor_id = world.register("OAX1", latitude=17.07, longitude=-96.72, elevation_m=1555.0, unit="counts")
    (shown,) = world.data("/v1/sensors")
    created_at, network_id = shown.pop("created_at"), shown.pop("network_id")
    assert shown == {
        "id": sensor_id,
        "name": "OAX1",
        "serial_number": None,
        "type": None,
        "network_code": "XX",
        "station_code": "OAX1",
        "location_code": None,
        "location": {"latitude": 17.07, "longitude": -96.72, "elevation": 1555.0, "site_name": None},
        "status": "offline",
        "last_seen": None,
        "last_sample_at": None,
        "firmware_version": None,
        "channels": [],
        "configuration": {
            "enabled": True,
            "display_name": None,
            "description": None,
            "tags": [],
            "sample_rate_hz": None,
            "sensitivity": None,
            "trigger": None,
        },
        "revision": 1,
    }
    assert created_at is not None
    assert network_id.startswith("net_")
    shown |= {"created_at": created_at, "network_id": network_id}
    assert world.data(f"/v1/sensors/{sensor_id}").items() >= shown.items()


def test_a_configuration_merges_and_keeps_its_history(world: SensorWorld) -> None:
    path = f"/v1/sensors/{world.register('OAX1')}/config"
    first = world.ask("PATCH", path, json={"sample_rate_hz": 100, "tags": ["roof"], "trigger": {"on_ratio": 4}})
    assert first.status_code == 200, first.text
    assert first.json["data"]["trigger"] == {"short_seconds": 1, "long_seconds": 10, "on_ratio": 4, "off_ratio": 1.5}
    second = world.ask("PATCH", path, json={"sample_rate_hz": None, "trigger": {"off_ratio": 2}, "sensitivity": "high"})
    told = second.json["data"]
    assert (told["revision"], told["sample_rate_hz"], told["tags"], told["sensitivity"]) == (3, None, ["roof"], "high")
    assert (told["trigger"]["on_ratio"], told["trigger"]["off_ratio"]) == (4, 2)
    assert world.data(path) == told
    assert world.ask("PATCH", path, json=told).json["data"]["revision"] == 3, "sent back whole, it changes nothing"

    newest, oldest = world.data(f"{path}/history")
    assert newest["changes"]["sample_rate_hz"] == {"old": 100, "new": None}
    assert (oldest["revision"], oldest["changes"]["tags"]) == (2, {"old": [], "new": ["roof"]})
    assert newest["actor"].startswith("key_")
    page = world.ask("GET", f"{path}/history", params={"limit": "1"}).json["pagination"]
    rest = world.ask("GET", f"{path}/history", params={"limit": "1", "cursor": page["next_cursor"]}).json
    assert ([one["revision"] for one in rest["data"]], rest["pagination"]["next_cursor"]) == ([2], None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sample_rate_hz": 0}, "/sample_rate_hz"),
        ({"sample_rate_hz": "100"}, "/sample_rate_hz"),
        ({"trigger": {"off_ratio": 5}}, "/trigger/off_ratio"),
        ({"trigger": {"short_seconds": 30}}, "/trigger/short_seconds"),
        ({"tags": ["a", "a"]}, "/tags"),
        ({"sensitivity": "extreme"}, "/sensitivity"),
        ({"display_name": " "}, "/display_name"),
        ({"sensor_id": "sen_0"}, "/sensor_id"),
        ({"latitude": 3}, "/latitude"),
    ],
    ids=str,
)
def test_what_a_configuration_cannot_be_is_refused_and_named(
    world: SensorWorld, body: dict[str, object], pointer: str
) -> None:
    path = f"/v1/sensors/{world.register('OAX1')}/config"
    refused = world.ask("PATCH", path, json=body)
    assert (refused.status_code, list(refused.json["errors"])) == (422, [pointer]), refused.text
    assert world.data(path)["revision"] == 1


def test_a_configuration_is_changed_at_the_revision_that_was_seen(world: SensorWorld) -> None:
    path = f"/v1/sensors/{world.register('OAX1')}/config"
    tag = world.ask("GET", path).headers["ETag"]
    assert world.ask("PATCH", path, json={"enabled": False}, headers={"If-Match": tag}).status_code == 200
    assert world.ask("PATCH", path, json={"enabled": True}, headers={"If-Match": tag}).status_code == 412
    assert world.ask("PATCH", path, json={"enabled": True, "revision": 1}).status_code == 412
    assert world.ask("PATCH", path, json={"enabled": True, "revision": 2}).json["data"]["revision"] == 3


def test_configuring_needs_its_permission(world: SensorWorld) -> None:
    path = f"/v1/sensors/{world.register('OAX1')}/config"
    reader, writer = (
        world.api.create(permissions=[permission])["key"] for permission in ("sensors:read", "config:write")
    )
    assert world.ask("PATCH", path, json={"enabled": False}, key=reader).status_code == 403
    assert world.ask("PATCH", path, json={"enabled": False}, key=writer).status_code == 200
