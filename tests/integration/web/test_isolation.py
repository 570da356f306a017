"""Two full organisations, and every operation that is documented, with every id of the other's in every place.

Whatever the first asks with ids of the second, the answer is that to an id that never was, holds nothing of the
second, and changes nothing there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from services.sensors import assembly as sensors_assembly
from services.sensors.ingest.recording import ReadResult, Recording
from services.service_registry import documented_routes
from shared.gate.gate import Gate
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.web.application import NO_PROXIES, application
from shared.web.operation import Operation, operation_of
from tests.gate_examples import MemoryBus
from tests.integration.web.management import BOOTSTRAP, Management
from tests.integration.web.tiny import PUBLIC_URL
from tests.usage_examples import batch, record

METHODS = ("GET", "POST", "PATCH", "DELETE")
OPERATIONS: list[tuple[str, str, Operation]] = [
    (method, path, operation)
    for path, resource in documented_routes()
    for method in METHODS
    if path != "/v1/authorize" and (operation := operation_of(resource, method)) is not None
]
# Whatever is a list, or sums one: (path, query).
LISTS = [
    ("/v1/keys", {"limit": "100"}),
    ("/v1/organisation/activity", {"limit": "100"}),
    ("/v1/usage", {"step": "hour"}),
    ("/v1/usage", {"step": "day"}),
    ("/v1/alert-rules", {"limit": "100"}),
    ("/v1/alerts", {"limit": "100"}),
    ("/v1/channels", {"limit": "100"}),
    ("/v1/deliveries", {"limit": "100"}),
    ("/v1/sensors", {"limit": "100"}),
]
# What a body must hold beside an id, so that it is the id that is judged.
BODIES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", "/v1/keys/revoke"): [{"ids": ["key_id"]}],
    ("POST", "/v1/alert-rules"): [
        {"kind": "key-unused", "key_ids": ["key_id"]},
        {"kind": "key-unused", "channels": ["channel_id"]},
    ],
    ("PATCH", "/v1/alert-rules/{rule_id}"): [{"key_ids": ["key_id"]}, {"channels": ["channel_id"]}],
}
# What a change says, for one that says nothing changes nothing, whosever it is.
CHANGES: dict[str, dict[str, Any]] = {
    "/v1/keys/{key_id}": {"name": "taken"},
    "/v1/alert-rules/{rule_id}": {"muted": True},
    "/v1/channels/{channel_id}": {"events": ["KeyRevoked"]},
}
QUERIES = [("/v1/alerts", "key_id"), ("/v1/deliveries", "channel_id")]


@dataclass
class Organisation:
    """`ids`: one of each kind, by the name of the path's variable. `own`: all of its ids and names, each its alone."""

    organisation_id: str
    admin: str
    ids: dict[str, str]
    own: set[str]


@dataclass
class World:
    api: Management
    client: testing.TestClient
    first: Organisation
    second: Organisation

    def ask(self, who: Organisation, method: str, path: str, **parts: Any) -> testing.Result:
        return self.client.simulate_request(method, path, headers={"Authorization": f"Bearer {who.admin}"}, **parts)

    def state(self, who: Organisation) -> dict[str, Any]:
        """All that it sees of its own but what asking changes."""
        shown = [*LISTS, *((path.format(**who.ids), {}) for method, path, _ in OPERATIONS if _is_item(method, path))]
        told = {path: self.ask(who, "GET", path, params=query) for path, query in shown if "/usage" not in path}
        assert {answer.status_code for answer in told.values()} == {200}
        # Deliveries are tried meanwhile, which changes all of them but which there are.
        return {path: _ids(answer) if "deliveries" in path else answer.json for path, answer in told.items()}


@pytest.fixture
def world(api: Management, tmp_path: Path) -> Iterator[World]:
    clock = SystemClock()
    database = Database.sqlite(tmp_path / "sensors.db")
    sensors = sensors_assembly.assemble(database, api.bell, clock)
    gate = Gate(api.replica, MemoryQuota(), Meter(tmp_path / "spool-of-all", MemoryBus(), clock), clock)
    routes = [*api.routes, *sensors.routes(api.replica.grants, NO_PROXIES)]
    app = application("all", routes, gate, clock, public_url=PUBLIC_URL, is_ready=lambda: True)
    client = testing.TestClient(app)
    admins = api.admin, api.another_organisation("premium")
    made = [_filled(api, client, sensors, name, admin) for name, admin in zip(("alpha", "omega"), admins, strict=True)]
    yield World(api, client, *made)
    database.close()


@pytest.fixture
def second_state(world: World) -> Iterator[dict[str, Any]]:
    """What the second had before, which it has afterwards."""
    before = world.state(world.second)
    yield before
    assert world.state(world.second) == before


WITH_IDS = [(method, path) for method, path, _ in OPERATIONS if "{" in path]


@pytest.mark.usefixtures("second_state")
def test_an_id_of_another_s_in_a_path_is_as_unknown_as_one_that_never_was(world: World) -> None:
    invented = {kind: re.sub(r"_.*", "_" + "0" * 22, id_) for kind, id_ in world.second.ids.items()}
    query = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
    for method, path in WITH_IDS:
        body = {"json": CHANGES.get(path, {})} if method in ("POST", "PATCH") else {}
        params = query if path.endswith("/data") else {}
        foreign, unknown = (
            world.ask(world.first, method, path.format(**ids), params=params, **body)
            for ids in (world.second.ids, invented)
        )
        assert (method, path, foreign.status_code) == (method, path, 403 if "sensor" in path else 404)
        assert _told(foreign) == _told(unknown), path
        own = world.ask(world.first, method, path.format(**world.first.ids), params=params, **body)
        assert own.status_code < 500, "a fault of ours would hide what it would have told"


@pytest.mark.parametrize(("path", "query"), LISTS, ids=str)
def test_a_list_has_all_of_one_s_own_and_nothing_of_another_s(world: World, path: str, query: dict[str, str]) -> None:
    for one, other in ((world.first, world.second), (world.second, world.first)):
        answer = world.ask(one, "GET", path, params=query)
        assert answer.status_code == 200
        assert one.own & _words(answer), "an empty list shows nothing"
        assert not other.own & _words(answer)


@pytest.mark.usefixtures("second_state")
@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_an_id_of_another_s_in_a_query_finds_nothing(world: World, path: str, name: str) -> None:
    assert world.ask(world.second, "GET", path, params={name: world.second.ids[name]}).json["data"] != []
    assert world.ask(world.first, "GET", path, params={name: world.second.ids[name]}).json["data"] == []


@pytest.mark.usefixtures("second_state")
@pytest.mark.parametrize(
    ("method", "path", "body"), [(*place, body) for place, bodies in BODIES.items() for body in bodies], ids=str
)
def test_an_id_of_another_s_in_a_body_is_refused_or_nothing(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    sent = _filled_in(body, world.second.ids)
    answer = world.ask(world.first, method, path.format(**world.first.ids), json=sent)
    assert answer.status_code in (200, 422)
    assert not world.second.own & (_words(answer) - {text for texts in sent.values() for text in texts})


@pytest.mark.usefixtures("second_state")
def test_a_cursor_of_another_s_leads_to_nothing_of_it(world: World) -> None:
    followed = 0
    for path, _ in LISTS:
        cursor = world.ask(world.second, "GET", path, params={"limit": "1"}).json.get("next_cursor")
        if cursor is not None:
            answer = world.ask(world.first, "GET", path, params={"limit": "100", "cursor": cursor})
            assert not world.second.own & _words(answer)
            followed += 1
    activity = "/v1/keys/{key_id}/activity"
    cursor = world.ask(world.second, "GET", activity.format(**world.second.ids), params={"limit": "1"}).json[
        "next_cursor"
    ]
    answer = world.ask(world.first, "GET", activity.format(**world.first.ids), params={"cursor": cursor})
    assert not world.second.own & _words(answer)
    assert followed >= 4


def test_every_documented_operation_is_in_the_matrix() -> None:
    """A new one must be named here, or have its ids in its path."""
    elsewhere = {"/v1/keys/self", "/v1/keys/self/revoke", "/v1/organisation", "/v1/events"}  # they take and list no ids
    named = {path for path, _ in LISTS} | {path for _, path in BODIES} | {path for _, path in WITH_IDS} | elsewhere
    assert {path for _, path, _ in OPERATIONS} <= named
    kinds = {kind for _, path in WITH_IDS for kind in re.findall(r"{(\w+)}", path)}
    assert kinds == {"key_id", "rule_id", "channel_id", "delivery_id", "sensor_id"}


def _filled(
    api: Management, client: testing.TestClient, sensors: sensors_assembly.Sensors, name: str, admin: str
) -> Organisation:
    def asked(method: str, path: str, **parts: Any) -> Any:
        answer = client.simulate_request(method, path, headers={"Authorization": f"Bearer {admin}"}, **parts)
        assert answer.status_code < 300, answer.text
        return answer.json

    organisation_id = asked("GET", "/v1/organisation")["id"]
    key, another = (
        asked(
            "POST",
            "/v1/keys",
            json={
                "name": f"{name}-key-{number}",
                "permissions": ["sensors:read"],
                "labels": {"of": name},
                "limits": {"minute": 10},
            },
        )
        for number in range(2)
    )
    api.usage.subscription.pull()
    now = datetime.now(UTC)
    used = [
        record(
            key_id=one["id"],
            organisation_id=organisation_id,
            at=now,
            user_agent=f"{name}-agent",
            request_id=f"{name}-r",
        )
        for one in (key, another)
        for _ in range(9)
    ]
    api.usage.metering.take_in(batch(*used, segment=name))
    channel = asked("POST", "/v1/channels", json={"kind": "webhook", "url": f"https://{name}-hook.example.org/"})
    rule = asked("POST", "/v1/alert-rules", json={"kind": "quota", "key_ids": [key["id"]]})
    delivery = asked("POST", f"/v1/channels/{channel['id']}/test")
    api.usage.evaluator.run()  # and nothing is sent: its receiver is nobody
    recording = Recording(
        network="XX",
        station=name.upper(),
        name=f"{name}-sensor",
        latitude=1.0,
        longitude=2.0,
        elevation_m=None,
        unit="counts",
        segments=(),
    )
    read = ReadResult(recordings=(recording,), lines_read=1, rejected=())
    imported = sensors.importer.store(read, organisation_id, BOOTSTRAP)
    ids = {
        "key_id": key["id"],
        "rule_id": rule["id"],
        "channel_id": channel["id"],
        "delivery_id": delivery["id"],
        "sensor_id": imported.sensor_ids[0],
    }
    names = {f"{name}-key-0", f"{name}-key-1", f"{name}-agent", f"{name}-r", f"{name}-hook", f"{name}-sensor"}
    return Organisation(organisation_id, admin, ids, {*ids.values(), another["id"], organisation_id, *names})


def _is_item(method: str, path: str) -> bool:
    return method == "GET" and path.endswith("}")


def _filled_in(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {name: [ids[kind] for kind in value] if isinstance(value, list) else value for name, value in body.items()}


def _words(answer: testing.Result) -> set[str]:
    return set(re.findall(r"[\w-]+", answer.text))


def _ids(answer: testing.Result) -> set[str]:
    return {word for word in _words(answer) if word.startswith("dlv_")}


def _told(answer: testing.Result) -> dict[str, Any]:
    """Without what is another's in each answer: the path that was asked for, and the request's id."""
    return {name: value for name, value in answer.json.items() if name not in ("instance", "request_id")}
