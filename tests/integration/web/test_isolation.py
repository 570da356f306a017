"""Two full organisations, and every operation that is documented, with every id of the other's in every place.

Whatever the first asks with ids of the second, the answer is that to an id that never was, holds nothing of the
second, and changes nothing there. Over RPC: tests/integration/test_isolation_over_rpc.py.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from tests.integration.web.management import Management
from tests.integration.web.two_organisations import LISTS, OPERATIONS, World, invented, two_organisations, words_in

RANGE: dict[str, Any] = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
OF_NETWORK: dict[str, Any] = {"name": "key", "permissions": ["sensors:read"], "networks": ["network_id"]}
# What a body must hold beside an id, so that it is the id that is judged.
BODIES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", "/v1/keys"): [{**OF_NETWORK}],
    ("POST", "/v1/keys/batch"): [{"keys": [OF_NETWORK]}],
    ("POST", "/v1/keys/import"): [{"keys": [OF_NETWORK | {"sha256": "0" * 64}]}],
    ("POST", "/v1/keys/revoke"): [{"ids": ["key_id"]}],
    ("POST", "/v1/alert-rules"): [
        {"kind": "key-unused", "key_ids": ["key_id"]},
        {"kind": "key-unused", "channels": ["channel_id"]},
    ],
    ("POST", "/v1/networks/{network_id}/sensors"): [{"sensor_ids": ["sensor_id"]}],
    ("POST", "/v1/exports"): [{"sensor_ids": ["sensor_id"], "format": "sds", **RANGE}],
    ("POST", "/v1/sensors/batch"): [{"requests": [{"sensor_id": "sensor_id", **RANGE}]}],
    ("PATCH", "/v1/alert-rules/{rule_id}"): [{"key_ids": ["key_id"]}, {"channels": ["channel_id"]}],
}
# What a change says, for one that says nothing changes nothing, whosever it is.
CHANGES: dict[str, dict[str, Any]] = {
    "/v1/keys/{key_id}": {"name": "taken"},
    "/v1/alert-rules/{rule_id}": {"muted": True},
    "/v1/channels/{channel_id}": {"events": ["KeyRevoked"]},
    "/v1/sensors/{sensor_id}/config": {"display_name": "taken"},
    "/v1/networks/{network_id}": {"name": "taken"},
    "/v1/networks/{network_id}/sensors": {"sensor_ids": ["sen_none"]},
}
# What a query must hold, so that it is the id that is judged.
ASKED = {
    "/v1/sensors/{sensor_id}/data": RANGE,
    "/v1/sensors/{sensor_id}/availability": RANGE,
    "/v1/networks/{network_id}": {"name": "taken"},
}
QUERIES = [
    ("/v1/alerts", "key_id"),
    ("/v1/deliveries", "channel_id"),
    ("/v1/sensors", "network_id"),
    ("/v1/events", "network_id"),
]


@pytest.fixture
def world(api: Management, tmp_path: Path) -> Iterator[World]:
    with two_organisations(api, tmp_path) as world:
        yield world


@pytest.fixture
def second_state(world: World) -> Iterator[dict[str, Any]]:
    """What the second had before, which it has afterwards."""
    before = world.state(world.second)
    yield before
    assert world.state(world.second) == before


OF_SENSORS = re.compile("/(networks|sensors|events)/")
WITH_IDS = [(method, path) for method, path, _ in OPERATIONS if "{" in path]


@pytest.mark.usefixtures("second_state")
def test_an_id_of_another_s_in_a_path_is_as_unknown_as_one_that_never_was(world: World) -> None:
    for method, path in WITH_IDS:
        body = {"json": CHANGES.get(path, {})} if method in ("POST", "PATCH") else {}
        params = ASKED.get(path, {}) if method == "DELETE" or path.endswith(("/data", "/availability")) else {}
        foreign, unknown = (
            world.ask(world.first, method, path.format(**ids), params=params, **body)
            for ids in (world.second.ids, invented(world.second.ids))
        )
        assert (method, path, foreign.status_code) == (method, path, 403 if OF_SENSORS.search(path) else 404)
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


def test_what_is_counted_and_summed_up_is_one_s_own(world: World) -> None:
    for one, took_ms in ((world.first, 1), (world.second, 1000)):
        usage = world.ask(one, "GET", "/v1/usage", params={"step": "day"}).json
        assert usage["total"] == sum(usage["routes"].values()) == sum(key["requests"] for key in usage["keys"]) == 18
        assert usage["duration_ms"]["p99"] == pytest.approx(took_ms, rel=0.05)
        assert world.ask(one, "GET", "/v1/organisation").json["keys"]["active"] == 3


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
    assert answer.status_code in (200, 403, 422)
    assert not world.second.own & (_words(answer) - words_in(json.dumps(sent)))


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
    # They take and list no ids.
    elsewhere = {f"/v1/keys/{name}" for name in ("self", "self/revoke", "self/rotate", "verify")}
    elsewhere |= {"/v1/organisation"}
    named = {path for path, _ in LISTS} | {path for _, path in BODIES} | {path for _, path in WITH_IDS} | elsewhere
    assert {path for _, path, _ in OPERATIONS} <= named
    kinds = {kind for _, path in WITH_IDS for kind in re.findall(r"{(\w+)}", path)}
    of_services = {"key_id", "alert_id", "rule_id", "channel_id", "delivery_id"}
    assert kinds == of_services | {"network_id", "sensor_id", "export_id", "event_id"}


def _filled_in(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Names of kinds replaced by ids, at any depth."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return ids.get(value, value) if isinstance(value, str) else value

    found: dict[str, Any] = filled(body)
    return found


def _words(answer: testing.Result) -> set[str]:
    return words_in(answer.text)


def _told(answer: testing.Result) -> dict[str, Any]:
    """Without what is another's in each answer: the path that was asked for, and the request's id."""
    return {name: value for name, value in answer.json.items() if name not in ("instance", "request_id", "meta")}
