"""A key that is bound to networks, over HTTP: what it is given, what needs a new secret, and what it is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.gate_examples import presented
from tests.integration.web.asking import bearer, problem
from tests.integration.web.management import Management
from tests.integration.web.tiny import KEYS, Tiny

READER = {"name": "key", "permissions": ["sensors:read"]}


def test_a_path_or_a_query_that_names_a_network_is_judged_before_anything_is_spent(app: Tiny) -> None:
    def ask(name: str, path: str, query: str = "") -> Any:
        return app.client.simulate_get(path, query_string=query, headers=bearer(name))

    for path, query in (
        ("/v1/networks/net_2", ""),
        ("/v1/networks/net_2", "network_id=net_1"),
        ("/v1/networks/net_1", "network_id=net_2"),
        ("/v1/things", "network_id=net_2"),
        ("/v1/things", "network_id=net_1&network_id=net_2"),
        ("/v1/things", "network%5Fid=net_2"),
        ("/v1/things", "network_id="),
    ):
        problem(ask("scoped", path, query), 403, "network-not-allowed")
    spent = app.gate.admit(presented(f"Bearer {KEYS['scoped']}"), None).spent
    assert spent is not None
    assert spent.minute_left == 59
    for name, path, query in (
        ("scoped", "/v1/networks/net_1", ""),
        ("scoped", "/v1/things", "network_id=net_1"),
        ("scoped", "/v1/things", ""),
        ("reader", "/v1/networks/net_2", ""),
        ("reader", "/v1/things", "network_id=net_2"),
    ):
        assert ask(name, path, query).status_code == 200
    problem(ask("scoped", "/v1/managed", "network_id=net_2"), 403, "insufficient-permission")


def test_a_record_names_the_network_that_an_answer_is_about_and_a_refusal_names_none(
    app: Tiny,
) -> None:
    for path, query in (
        ("/v1/networks/net_1", ""),
        ("/v1/networks/net_1", "network_id=net_2"),
        ("/v1/things", "network_id=net_2"),
        ("/v1/things", f"network_id={'x' * 33}"),
        ("/v1/things", "network_id=net_1&limit=0"),
        ("/v1/things", ""),
        ("/v1/things/of-net_3", ""),
    ):
        app.client.simulate_get(path, query_string=query, headers=bearer("reader"))
    assert [record[16] for record in app.recorded()] == ["net_1", None, "net_2", None, None, None, "net_3"]


def test_a_key_says_which_networks_it_opens_wherever_it_is_shown(api: Management) -> None:
    made = api.create(networks=["net_2", "net_1", "net_2"])
    free = api.create()
    assert made["networks"] == ["net_1", "net_2"]
    path, before = f"/v1/keys/{made['id']}", datetime.now(UTC).isoformat()
    assert api.ask("GET", path).json["networks"] == ["net_1", "net_2"]
    assert api.ask("GET", "/v1/keys/self", key=made["key"]).json["networks"] == ["net_1", "net_2"]
    narrowed = api.ask("PATCH", path, json={"networks": ["net_2"]})
    assert narrowed.json["networks"] == ["net_2"]
    assert narrowed.json["receipt"]["propagated"]
    assert api.ask("GET", path, params={"as_of": before}).json["networks"] == ["net_1", "net_2"]
    assert api.ask("GET", path, params={"revision": "1"}).json["networks"] == ["net_1", "net_2"]
    listed = {key["id"]: key["networks"] for key in api.ask("GET", "/v1/keys").json["data"]}
    assert (listed[made["id"]], listed[free["id"]]) == (["net_2"], None)
    api.count()
    entries = [entry["lifecycle"] for entry in api.ask("GET", f"{path}/activity").json["data"]]
    told = [entry["facts"]["networks"] for entry in entries if entry and "networks" in entry["facts"]]
    assert told == [["net_2"], ["net_1", "net_2"]]


def test_a_list_can_be_of_the_keys_that_are_bound_to_one_network(api: Management) -> None:
    both, one = api.create(networks=["net_1", "net_2"])["id"], api.create(networks=["net_2"])["id"]
    api.create()
    for network_id, ids in (("net_1", {both}), ("net_2", {both, one}), ("net_", set()), ("net_3", set())):
        listed = api.ask("GET", "/v1/keys", params={"network_id": network_id}).json["data"]
        assert {key["id"] for key in listed} == ids
    problem(api.ask("GET", "/v1/keys", params={"network_id": 'net_"'}), 400, "invalid-request")


@pytest.mark.parametrize(
    ("networks", "fault"),
    [
        (["net_3"], "no such network: net_3"),
        (["net_4", "net_1", "net_3"], "no such network: net_3, net_4"),
        ([], None),
        ("net_1", None),
        ([None], None),
        (["x" * 33], None),
        ([f"net_{number}" for number in range(101)], None),
    ],
)
def test_a_network_that_is_not_the_organisation_s_is_named_and_nothing_is_changed(
    api: Management, networks: Any, fault: str | None
) -> None:
    made = api.create(networks=["net_1"])
    path, keys = f"/v1/keys/{made['id']}", len(api.ask("GET", "/v1/keys").json["data"])
    for method, where, more in (("POST", "/v1/keys", READER), ("PATCH", path, {"name": "other", "regenerate": True})):
        body = more | {"networks": networks}
        errors = problem(api.ask(method, where, json=body), 422, "invalid-body")["errors"]
        assert next(iter(errors)).startswith("/networks")
        assert fault is None or errors["/networks"] == [fault]
    assert len(api.ask("GET", "/v1/keys").json["data"]) == keys
    assert api.ask("GET", path).json == {name: value for name, value in made.items() if name not in ("key", "receipt")}


def test_a_network_of_another_organisation_is_as_unknown_as_one_that_never_was(api: Management) -> None:
    other = api.another_organisation()
    told = problem(api.ask("POST", "/v1/keys", key=other, json=READER | {"networks": ["net_1"]}), 422, "invalid-body")
    assert told["errors"] == {"/networks": ["no such network: net_1"]}


def test_while_sensors_is_away_no_network_is_added_and_everything_else_goes_on(api: Management) -> None:
    made = api.create(networks=["net_1", "net_2"])
    path = f"/v1/keys/{made['id']}"
    api.networks.is_away, api.networks.asked = True, 0
    for method, where, more in (("POST", "/v1/keys", READER), ("PATCH", path, {"regenerate": True})):
        answer = api.ask(method, where, json=more | {"networks": ["net_1", "net_3"]})
        told = problem(answer, 503, "unavailable")
        assert 1 <= int(answer.headers["Retry-After"]) <= 4
        assert "nothing was changed" in told["detail"]
    assert api.networks.asked == 2
    # What is narrower, or as it was, asks nobody: an owner can narrow a key whatever is away.
    assert api.ask("PATCH", path, json={"networks": ["net_2"]}).status_code == 200
    shown = api.ask("GET", path).json
    assert api.ask("PATCH", path, json=shown).json["revision"] == shown["revision"]
    assert api.ask("POST", "/v1/keys", json=READER | {"networks": None}).status_code == 201
    assert api.networks.asked == 2


def test_a_key_keeps_the_id_of_a_network_that_was_deleted_and_can_be_changed_beside_it(api: Management) -> None:
    made = api.create(networks=["net_1"])
    path = f"/v1/keys/{made['id']}"
    api.networks.known[api.organisation_id] = {"net_2": "South"}
    assert api.ask("PATCH", path, json={"name": "other", "networks": ["net_1"]}).json["networks"] == ["net_1"]
    widened = api.ask("PATCH", path, json={"networks": ["net_1", "net_2"], "regenerate": True})
    assert widened.json["networks"] == ["net_1", "net_2"]
    problem(api.ask("POST", "/v1/keys", json=READER | {"networks": ["net_1"]}), 422, "invalid-body")


def test_more_networks_need_a_new_secret_which_the_leaked_one_does_not_gain(api: Management) -> None:
    made = api.create(networks=["net_1"])
    path = f"/v1/keys/{made['id']}"
    for wider, gains in (
        (["net_1", "net_2"], "the networks net_2"),
        (["net_2"], "the networks net_2"),
        (None, "all networks"),
    ):
        told = problem(api.ask("PATCH", path, json={"networks": wider}), 409, "regeneration-required")
        assert gains in told["detail"]
    widened = api.ask("PATCH", path, json={"networks": None, "regenerate": True}).json
    assert widened["networks"] is None
    problem(api.ask("GET", "/v1/keys/self", key=made["key"]), 401, "key-rotated")
    assert api.ask("GET", "/v1/keys/self", key=widened["key"]).json["networks"] is None


def test_an_admin_key_has_no_networks(api: Management) -> None:
    admin, reader = api.create(permissions=["admin"])["id"], api.create(networks=["net_1"])["id"]
    for method, path, body in (
        ("POST", "/v1/keys", {"name": "key", "permissions": ["admin"], "networks": ["net_1"]}),
        ("PATCH", f"/v1/keys/{admin}", {"networks": ["net_1"]}),
        ("PATCH", f"/v1/keys/{reader}", {"permissions": ["admin"], "regenerate": True}),
    ):
        told = problem(api.ask(method, path, json=body), 422, "invalid-body")
        assert told["errors"] == {
            "/networks": ["an admin key opens all networks: leave them out, or the permission admin"]
        }
    freed = {"permissions": ["admin"], "networks": None, "regenerate": True}
    assert api.ask("PATCH", f"/v1/keys/{reader}", json=freed).status_code == 200
