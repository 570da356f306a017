"""Two networks of one organisation, and a key that is bound to one: nothing of the other shows, is counted or changed.

Every operation that such a key's permissions open is asked, with the ids of the other network in every place. The key
was bound to both once, and asked for an export of both then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from falcon import testing

from services.sensors.catalogue.reading import FoundEvent, ReadCatalogue
from services.sensors.catalogue.seismic_event import event_id
from services.sensors.catalogue.solution import Solution
from services.sensors.ingest.recording import ReadResult, Recording
from tests.integration.web.management import BOOTSTRAP, Management
from tests.integration.web.test_isolation import ASKED, CHANGES
from tests.integration.web.two_organisations import OPERATIONS, Organisation, World, two_organisations, words_in

PERMISSIONS = ("sensors:read", "events:read", "config:write")
OPENED = [(method, path) for method, path, operation in OPERATIONS if operation.permission in PERMISSIONS]
ITEMS = [(method, path) for method, path in OPENED if "{" in path]
# What names one of these is refused as outside; of exports, a key sees its own, and none other is known.
REFUSED = {"{sensor_id}": 403, "{network_id}": 403, "{event_id}": 403, "{export_id}": 404}
RANGE = {"start": "2026-01-01T00:00:00", "end": "2026-01-01T00:01:00"}
LISTS = [path for method, path in OPENED if method == "GET" and "{" not in path]


@dataclass
class Scene:
    """`bound`: asks with the key of one network. `hidden`: ids and names of the other network."""

    world: World
    bound: Organisation
    hidden: set[str]
    hidden_ids: dict[str, str]

    def ask(self, method: str, path: str, **parts: object) -> testing.Result:
        return self.world.ask(self.bound, method, path, **parts)


@pytest.fixture
def scene(api: Management, tmp_path: Path) -> Iterator[Scene]:
    with two_organisations(api, tmp_path) as world:
        owner = world.first
        other = world.ask(owner, "POST", "/v1/networks", json={"name": "other-network"}).json["data"]["id"]
        read = ReadResult(recordings=(_station("OTHER"),), lines_read=1, rejected=())
        imported = world.sensors.importer.store(read, owner.organisation_id, BOOTSTRAP, other)
        (sensor_id,) = imported.sensor_ids
        solution = Solution(
            origin_time=datetime.now(UTC), latitude=1.0, longitude=2.0, location_description="elsewhere"
        )
        event = FoundEvent(source="other-source", public_id="smi:other/1", solution=solution, said_at=None)
        read_events = ReadCatalogue(events=(event,), rejected=())
        world.sensors.catalogue_importer.store(read_events, owner.organisation_id, BOOTSTRAP, other)
        export = world.ask(owner, "POST", "/v1/exports", json=export_of(sensor_id)).json["data"]["id"]
        of_event = event_id(owner.organisation_id, event.source, event.public_id)
        ids = owner.ids | {"network_id": other, "sensor_id": sensor_id, "event_id": of_event, "export_id": export}
        own = owner.ids["network_id"]
        api.networks.known[owner.organisation_id] = {own: "own", other: "other"}
        body = {"name": "bound", "permissions": [*PERMISSIONS], "networks": [own, other]}
        key = world.ask(owner, "POST", "/v1/keys", json=body).json
        bound = replace(owner, admin=key["key"])
        both = world.ask(bound, "POST", "/v1/exports", json=export_of(sensor_id, owner.ids["sensor_id"]))
        assert both.status_code == 201, both.text
        narrowed = world.ask(owner, "PATCH", f"/v1/keys/{key['id']}", json={"networks": [own]})
        assert narrowed.status_code == 200, narrowed.text
        hidden = {other, sensor_id, "other-network", "OTHER", of_event, "elsewhere", "other-source", export}
        yield Scene(world, bound, hidden, ids)


def export_of(*sensor_ids: str) -> dict[str, object]:
    return {"sensor_ids": sensor_ids, "format": "csv", **RANGE}


def test_what_is_of_the_other_network_is_refused_and_stays_as_it_was(scene: Scene) -> None:
    before = _seen_by_owner(scene)
    for method, path in ITEMS:
        body = {"json": CHANGES.get(path, {})} if method in ("POST", "PATCH") else {}
        params = ASKED.get(path, {}) if method == "DELETE" or path.endswith("/data") else {}
        expected = next(status for name, status in REFUSED.items() if name in path)
        answer = scene.ask(method, path.format(**scene.hidden_ids), params=params, **body)
        assert (method, path, answer.status_code) == (method, path, expected)
        assert not scene.hidden & words_in(answer.text.replace(path.format(**scene.hidden_ids), ""))
        own = scene.ask(method, path.format(**scene.bound.ids), params=params, **body)
        assert own.status_code < 500, "a fault of ours would hide what it would have told"
        assert not scene.hidden & words_in(own.text)
    assert _seen_by_owner(scene) == before


@pytest.mark.parametrize("path", LISTS)
def test_lists_and_totals_are_of_one_s_own_network(scene: Scene, path: str) -> None:
    answer = scene.ask("GET", path, params={"limit": "100"} if path != "/v1/events/export" else {})
    assert answer.status_code == 200, answer.text
    assert not scene.hidden & words_in(answer.text)
    if path == "/v1/exports":
        assert [one["sensor_ids"] for one in answer.json["data"]] == [[scene.bound.ids["sensor_id"]]]
    if path in ("/v1/networks", "/v1/sensors", "/v1/events"):
        assert answer.json["pagination"]["total"] == len(answer.json["data"]) == 1
        assert scene.world.ask(scene.world.first, "GET", path).json["pagination"]["total"] == 2
    filtered = scene.ask("GET", path, params={"network_id": scene.hidden_ids["network_id"]})
    assert filtered.status_code in (400, 403), "it takes no such filter, or it is refused"


def test_a_sensor_of_the_other_network_is_in_no_export_and_no_batch(scene: Scene) -> None:
    before = scene.ask("GET", "/v1/exports").json["pagination"]["total"]
    told = []
    for sensor_id in (scene.hidden_ids["sensor_id"], "sen_" + "0" * 22):
        refused = scene.ask("POST", "/v1/exports", json=export_of(scene.bound.ids["sensor_id"], sensor_id))
        items = [{"sensor_id": one, **RANGE} for one in (sensor_id, scene.bound.ids["sensor_id"])]
        first, second = scene.ask("POST", "/v1/sensors/batch", json={"requests": items}).json["data"]
        assert "result" in second
        told.append((refused.status_code, refused.json["type"], refused.json["detail"], first["error"]))
    assert told[0] == told[1]
    assert (told[0][0], told[0][3]["problem"]) == (403, "outside-organisation")
    assert scene.ask("GET", "/v1/exports").json["pagination"]["total"] == before


def test_a_sensor_of_the_other_network_is_not_taken_into_one_s_own(scene: Scene) -> None:
    path = f"/v1/networks/{scene.bound.ids['network_id']}/sensors"
    answer = scene.ask("POST", path, json={"sensor_ids": [scene.hidden_ids["sensor_id"]]})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["/sensor_ids/0"])
    unknown = scene.ask("POST", path, json={"sensor_ids": ["sen_none"]})
    assert unknown.json["errors"] == answer.json["errors"]


def test_a_key_that_is_bound_to_networks_makes_none(scene: Scene) -> None:
    answer = scene.ask("POST", "/v1/networks", json={"name": "third"})
    assert (answer.status_code, answer.json["type"].rpartition("/")[2]) == (403, "beyond-own-bounds")


def test_a_key_whose_network_was_deleted_opens_nothing(scene: Scene) -> None:
    owner, ids = scene.world.first, scene.bound.ids
    sensor = {"sensor_ids": [ids["sensor_id"]]}
    moved = scene.world.ask(owner, "POST", f"/v1/networks/{scene.hidden_ids['network_id']}/sensors", json=sensor)
    assert moved.status_code == 200, moved.text
    network = f"/v1/networks/{ids['network_id']}"
    name = scene.world.ask(owner, "GET", network).json["data"]["name"]
    assert scene.world.ask(owner, "DELETE", network, params={"name": name}).status_code == 200
    for path in LISTS:
        answer = scene.ask("GET", path)
        assert (path, answer.status_code) == (path, 200)
        assert not {*ids.values(), *scene.hidden} & words_in(answer.text)
    for method, path in ITEMS:
        expected = next(status for name, status in REFUSED.items() if name in path)
        body = {"json": CHANGES.get(path, {})} if method in ("POST", "PATCH") else {}
        params = ASKED.get(path, {}) if method == "DELETE" or path.endswith("/data") else {}
        assert scene.ask(method, path.format(**ids), params=params, **body).status_code == expected, (method, path)
    assert scene.ask("POST", "/v1/exports", json=export_of(ids["sensor_id"])).status_code == 403
    item = {"sensor_id": ids["sensor_id"], **RANGE}
    (result,) = scene.ask("POST", "/v1/sensors/batch", json={"requests": [item]}).json["data"]
    assert result["error"]["code"] == "forbidden"


def _seen_by_owner(scene: Scene) -> list[dict[str, object]]:
    """What is hidden from the key, as an admin key of the organisation sees it."""
    kinds = ("network", "sensor", "event", "export")
    paths = [f"/v1/{kind}s/{scene.hidden_ids[f'{kind}_id']}" for kind in kinds]
    return [scene.world.ask(scene.world.first, "GET", path).json["data"] for path in paths]


def _station(code: str) -> Recording:
    return Recording(
        network="XX",
        station=code,
        name=code,
        latitude=1.0,
        longitude=2.0,
        elevation_m=None,
        unit="counts",
        segments=(),
    )
