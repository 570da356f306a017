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
    ("PATCH", "/v1/keys/{key_id}"): [{"networks": ["network_id"]}, {"id": "key_id"}],
    ("PATCH", "/v1/alert-rules/{rule_id}"): [{"key_ids": ["key_id"]}, {"channels": ["channel_id"]}, {"id": "rule_id"}],
    ("PATCH", "/v1/channels/{channel_id}"): [{"id": "channel_id"}],
    ("PATCH", "/v1/networks/{network_id}"): [{"id": "network_id"}, {"organization_id": "organisation_id"}],
    ("PATCH", "/v1/sensors/{sensor_id}/config"): [{"sensor_id": "sensor_id"}],
    ("PATCH", "/v1/organisation"): [{"id": "organisation_id"}],
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
    ("/v1/keys", "network_id"),
    ("/v1/keys/{key_id}/activity", "request_id"),
    ("/v1/alerts", "key_id"),
    ("/v1/alerts", "rule_id"),
    ("/v1/deliveries", "channel_id"),
    ("/v1/sensors", "network_id"),
    ("/v1/events", "network_id"),
    ("/v1/events/export", "network_id"),
]
# They take no id but of what they say themselves, and answer with their caller's own.
WITHOUT_IDS = {
    ("GET", "/v1/keys/self"),
    ("POST", "/v1/keys/self/revoke"),
    ("POST", "/v1/keys/self/rotate"),
    ("GET", "/v1/organisation"),
    ("POST", "/v1/channels"),
    ("POST", "/v1/networks"),
    ("POST", "/v1/keys/verify"),  # by its secret: test_key_verification.py
}
# Names of parameters and members that tell an id, or a place in a list of them.
NAMES_AN_ID = re.compile(r"(.*_)?ids?|keys?|networks?|channels?|sensors?|cursor")
# Such a name, and no id, or asked elsewhere: (where, its dotted name).
NO_IDS = {
    ("POST /v1/keys/verify", "key"),  # a secret; both in test_key_verification.py
    ("POST /v1/keys/verify", "network_id"),
    ("GET /v1/sensors/{sensor_id}/data", "channel"),  # a SEED code, such as HNZ
    ("GET /v1/sensors/{sensor_id}/availability", "channel"),
    ("POST /v1/sensors/batch", "requests.channel"),
    ("POST /v1/exports", "channel"),
    ("POST /v1/keys/batch", "keys"),  # whole keys, whose members are in the matrix
    ("POST /v1/keys/import", "keys"),
    ("PATCH /v1/organisation", "keys"),  # how many
}


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
    foreign = {name: world.second.ids[name]}
    found = world.ask(world.second, "GET", path.format(**world.second.ids), params=foreign)
    assert (world.second.own - {*foreign.values()}) & _words(found), "what finds nothing of one's own shows nothing"
    answer = world.ask(world.first, "GET", path.format(**world.first.ids), params=foreign)
    unknown = world.ask(world.first, "GET", path.format(**world.first.ids), params=invented(foreign))
    assert answer.status_code == unknown.status_code == 200
    assert not (world.first.own | world.second.own) & _words(answer)


@pytest.mark.usefixtures("second_state")
@pytest.mark.parametrize(
    ("method", "path", "body"), [(*place, body) for place, bodies in BODIES.items() for body in bodies], ids=str
)
def test_an_id_of_another_s_in_a_body_is_refused_or_nothing(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    sent, unknown = (_filled_in(body, ids) for ids in (world.second.ids, invented(world.second.ids)))
    answer, of_unknown = (
        world.ask(world.first, method, path.format(**world.first.ids), json=one) for one in (sent, unknown)
    )
    assert answer.status_code in (200, 403, 422)
    assert answer.status_code == of_unknown.status_code
    assert not world.second.own & (_words(answer) - words_in(json.dumps(sent)))


@pytest.mark.usefixtures("second_state")
def test_a_cursor_of_another_s_leads_to_nothing_of_it(world: World) -> None:
    followed = set()
    for path in _with_cursors(world):
        params = ASKED.get(path, {}) | {"limit": "1"}
        told = world.ask(world.second, "GET", path.format(**world.second.ids), params=params)
        assert told.status_code == 200
        cursor = told.json.get("next_cursor") or told.json.get("meta", {}).get("next_cursor")
        if cursor is not None:
            params |= {"limit": "100", "cursor": cursor}
            answer = world.ask(world.first, "GET", path.format(**world.first.ids), params=params)
            assert not world.second.own & _words(answer)
            followed.add(path)
    assert "/v1/keys/{key_id}/activity" in followed
    assert len(followed) >= 5


def test_every_documented_operation_is_in_the_matrix(world: World) -> None:
    """A new one must be named here, or have its ids in its path."""
    documented = {(method.upper(), path) for path, method, _ in _documented(world)}
    assert {(method, path) for method, path, _ in OPERATIONS} == documented
    listed = {("GET", path) for path, _ in LISTS} | {("GET", path) for path, _ in QUERIES}
    assert documented - listed - BODIES.keys() - {*WITH_IDS} == WITHOUT_IDS
    kinds = {kind for _, path in WITH_IDS for kind in re.findall(r"{(\w+)}", path)}
    assert kinds <= world.second.ids.keys()


def test_every_documented_parameter_and_member_that_names_an_id_is_in_the_matrix(world: World) -> None:
    document = _document(world)
    named = {
        (f"{method.upper()} {path}", name)
        for path, method, operation in _documented(world)
        for name in (*_queries(document, operation), *_members(document, operation))
        if NAMES_AN_ID.fullmatch(name.rpartition(".")[2])
    }
    asked = {(f"GET {path}", name) for path, name in QUERIES}
    asked |= {(f"GET {path}", "cursor") for path in _with_cursors(world)}
    asked |= {(f"{method} {path}", name) for (method, path), bodies in BODIES.items() for name in _ids_in(bodies)}
    assert named - asked == NO_IDS
    assert asked <= named, "what is asked is documented"


def _document(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.client.simulate_get("/openapi.json").json
    return document


def _documented(world: World) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation)."""
    for path, item in _document(world)["paths"].items():
        if path != "/v1/authorize":
            yield from ((path, method, one) for method, one in item.items() if method != "parameters")


def _with_cursors(world: World) -> list[str]:
    document = _document(world)
    return [path for path, _, operation in _documented(world) if "cursor" in _queries(document, operation)]


def _queries(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    parameters = (_resolved(document, one) for one in operation.get("parameters", ()))
    return {one["name"] for one in parameters if one["in"] == "query"}


def _members(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Names of its body's members at any depth, dotted."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from _members_of(document, content["schema"], "")


def _members_of(document: dict[str, Any], schema: dict[str, Any], within: str) -> Iterator[str]:
    schema = _resolved(document, schema)
    for name, member in schema.get("properties", {}).items():
        yield f"{within}{name}"
        yield from _members_of(document, member, f"{within}{name}.")
    parts = [part for of in ("allOf", "anyOf", "oneOf") for part in schema.get(of, ())]
    for part in [*parts, schema["items"]] if "items" in schema else parts:
        yield from _members_of(document, part, within)


def _resolved(document: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document
    for name in said["$ref"].removeprefix("#/").split("/") if "$ref" in said else ():
        found = found[name]
    return found if "$ref" in said else said


def _ids_in(value: Any, name: str = "") -> Iterator[str]:
    """The dotted names of the members that hold a kind of id."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from _ids_in(inner, f"{name}.{member}" if name else member)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids_in(inner, name)
    elif isinstance(value, str) and value.endswith("_id"):
        yield name


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
