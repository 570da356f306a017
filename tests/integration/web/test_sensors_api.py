"""Sensors over HTTP: the product's fields, status from what arrived, configuration with its history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.sensors.health.measuring import HealthMeasuring
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.epoch import Facts, Place
from shared.runtime.clock import ManualClock, SystemClock
from tests.integration.web.management import Management
from tests.integration.web.sensor_world import SensorWorld, seconds_of_records, sensor_world


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
            "location": None,
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
        ({"location": {"latitude": 91, "longitude": 0}}, "/location/latitude"),
        ({"location": {"latitude": 17}}, "/location/longitude"),
        ({"station_code": "OAX2"}, "/station_code"),
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


def test_where_an_owner_says_that_a_sensor_stands_holds_from_then_on(world: SensorWorld) -> None:
    sensor_id = world.register("OAX1", latitude=17.07, longitude=-96.72, elevation_m=1555.0)
    path = f"/v1/sensors/{sensor_id}"
    told = {"latitude": 16.86, "longitude": -99.88, "elevation": 20.0, "site_name": "Acapulco, escuela"}
    patched = world.ask("PATCH", f"{path}/config", json={"location": told})
    assert (patched.status_code, patched.json["data"]["location"]) == (200, told), patched.text
    shown = world.data(path)
    assert (shown["location"], shown["configuration"]["location"], shown["revision"]) == (told, told, 2)
    (epoch,) = [one for one in shown["epochs"] if one["axis"] is None and one["location"] is not None]
    assert (epoch["location"], epoch["from"] is not None, epoch["to"]) == (told, True, None)
    higher = world.ask("PATCH", f"{path}/config", json={"location": told | {"elevation": 25}})
    assert higher.json["data"]["location"]["elevation"] == 25
    again = world.ask("PATCH", f"{path}/config", json=higher.json["data"])
    assert again.json["data"]["revision"] == 3
    assert world.data(f"{path}/config/history")[0]["changes"]["location"]["old"] == told
    world.ask("PATCH", f"{path}/config", json={"location": None})
    assert world.data(path)["location"] == told | {"elevation": 25}, "it stands there still"


def test_a_place_that_is_told_again_holds_again_where_a_description_has_moved_the_sensor(world: SensorWorld) -> None:
    there = {"latitude": 17.07, "longitude": -96.72, "elevation": 1555.0, "site_name": None}
    path = f"/v1/sensors/{world.register('OAX1')}"
    world.ask("PATCH", f"{path}/config", json={"location": there})
    elsewhere = StateEpoch(
        axis=None,
        starts_at=None,
        ends_at=None,
        facts=Facts(place=Place(latitude=16.86, longitude=-99.88)),
        source="a list of devices",
    )
    world.register("OAX1", epochs=(elsewhere,))
    assert world.data(path)["location"]["latitude"] == 16.86
    assert world.ask("PATCH", f"{path}/config", json={"enabled": False}).status_code == 200
    assert world.data(path)["location"]["latitude"] == 16.86, "nothing was said of its place"
    for _ in range(2):
        patched = world.ask("PATCH", f"{path}/config", json={"location": there})
        assert (patched.status_code, patched.json["data"]["revision"]) == (200, 3)
        shown = world.data(path)
        assert (shown["location"], len(shown["epochs"])) == (there, 2)


def test_configuring_needs_its_permission(world: SensorWorld) -> None:
    path = f"/v1/sensors/{world.register('OAX1')}/config"
    reader, writer = (
        world.api.create(permissions=[permission])["key"] for permission in ("sensors:read", "config:write")
    )
    assert world.ask("PATCH", path, json={"enabled": False}, key=reader).status_code == 403
    assert world.ask("PATCH", path, json={"enabled": False}, key=writer).status_code == 200


def test_a_sensor_tells_its_account_its_clock_and_how_late_and_complete_it_is(api: Management, tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    with sensor_world(api, tmp_path, clock) as world:
        began = clock.now().timestamp()
        records = seconds_of_records(began, 60)
        clock.advance(61)
        sensor_id = world.register("OAX1", *records, name="a8032487f8b1")
        world.register("OAX1", records[0], name="a8032487f8b1")
        clock.advance(59)
        HealthMeasuring(world.sensors.database, clock).run()
        told = world.data(f"/v1/sensors/{sensor_id}")
        assert told["samples"] == {"offered": 5856, "new": 5760, "repeated": 96, "differing": 0, "rejected": 0}
        assert (told["clock"]["eras"], told["clock"]["uncertainty_ms"] is not None) == (1, True)
        assert told["latency_ms"]["hour"] == pytest.approx(500, abs=1100)
        assert told["completeness"]["hour"] == pytest.approx(1, abs=0.02)
        assert [(one["axis"], one["dip"]) for one in told["epochs"] if one["assumed"]] == [
            ("x", -90),
            ("y", 0),
            ("z", 0),
        ]
        assert (told["location_code"], told["serial_number"]) == ("", "a8032487f8b1")
        assert told["status"] == "online"


def test_status_is_what_arrived_and_lists_are_filtered_by_it(api: Management, tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    with sensor_world(api, tmp_path, clock) as world:
        began = clock.now().timestamp()
        clock.advance(300)
        whole = world.register("A", *seconds_of_records(began, 300))
        holes = world.register("B", *seconds_of_records(began, 100), *seconds_of_records(began + 200, 100))
        silent = world.register("C")
        HealthMeasuring(world.sensors.database, clock).run()
        listed = {one["id"]: one["status"] for one in world.data("/v1/sensors")}
        assert listed == {whole: "online", holes: "warning", silent: "offline"}
        totals = {}
        for status, found in (("online", {whole, holes}), ("warning", {holes}), ("offline", {silent})):
            answer = world.ask("GET", "/v1/sensors", params={"status": status}).json
            assert {one["id"] for one in answer["data"]} == found
            totals[status] = answer["pagination"]["total"]
        (network,) = world.data("/v1/networks")
        stats = world.data(f"/v1/networks/{network['id']}/stats")
        assert (stats["online_sensors"], stats["offline_sensors"]) == (totals["online"], totals["offline"]) == (2, 1)
        assert world.ask("GET", "/v1/sensors", params={"status": "broken"}).status_code == 400
        clock.advance(601)
        assert {one["status"] for one in world.data("/v1/sensors")} == {"offline"}


@pytest.mark.parametrize(
    ("query", "status"),
    [({"page": "9"}, 200), ({"page": "0"}, 400), ({"page": "1", "cursor": "x"}, 400), ({"cursor": "x"}, 400)],
)
def test_pages_beyond_the_last_are_empty_and_others_are_refused(
    world: SensorWorld, query: dict[str, str], status: int
) -> None:
    world.register("OAX1")
    for _ in range(2):
        answer = world.ask("GET", "/v1/sensors", params=query)
        assert answer.status_code == status
        assert status != 200 or (answer.json["data"], answer.json["pagination"]["total"]) == ([], 1)


def test_a_page_is_a_second_old_at_most_and_never_older_than_the_log(api: Management, tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    with sensor_world(api, tmp_path, clock) as world:
        sensor_id = world.register("A", *seconds_of_records(clock.now().timestamp(), 20))
        first = world.ask("GET", "/v1/sensors")
        assert first.json["data"][0]["last_seen"] is not None
        later = seconds_of_records(clock.now().timestamp() + 30, 20)
        world.register("A", *later)
        world.sensors.importer.decide([sensor_id])
        same = world.ask("GET", "/v1/sensors", headers={"If-None-Match": first.headers["ETag"]})
        assert same.status_code == 304
        clock.advance(2)
        assert world.data("/v1/sensors")[0]["last_seen"] > first.json["data"][0]["last_seen"]
        world.ask("PATCH", f"/v1/sensors/{sensor_id}/config", json={"display_name": "School"})
        assert world.data("/v1/sensors")[0]["configuration"]["display_name"] == "School", "an event is seen at once"
