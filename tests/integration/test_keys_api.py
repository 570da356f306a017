"""The management API over HTTP, on SQLite, with a real gate before it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.auth import assembly as auth
from services.keys import assembly as keys
from services.keys.command import KeyRequest
from services.keys.words import Words
from shared.audit import audit
from shared.clock import SystemClock
from shared.contracts.envelope import CloudEvent
from shared.database import Database
from shared.gate.gate import Gate
from shared.gate.grants import Limits
from shared.gate.meter import Meter
from shared.gate.quota import MemoryQuota
from shared.gate.replica import Replica
from shared.repository import Origin
from shared.web.application import application

ORIGIN = Origin(actor="test")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = (
    "name",
    "permissions",
    "description",
    "labels",
    "expires_at",
    "expires_in",
    "allow_query",
    "allowed_addresses",
    "limits",
)


class NoBus:
    def publish(self, message: CloudEvent | dict[str, object]) -> None:
        pass


class Api:
    """The keys service's application, one organisation's administrator, and another's."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.keys = keys.assemble(Database.sqlite(folder / "keys.sqlite"), NoBus(), clock, lease_seconds=10)
        book = auth.assemble(Database.sqlite(folder / "auth.sqlite"), self.keys.feed, clock).book
        self.replica = Replica(gate="gate_test", feed=self.keys.feed, snapshot=book.snapshot, clock=clock)
        gate = Gate(self.replica, MemoryQuota(), Meter(folder / "spool", NoBus(), clock), clock)
        secrets = [self._organisation(name) for name in ("Railway", "Harbour")]
        self.replica.pull()
        # The tests ask more often than any tier allows; what is tested here is not the quota.
        self.replica.grants.policy = {"standard": Limits(minute=1_000_000, day=None)}
        routes = self.keys.routes(self.replica.grants)
        app = application("keys", routes, gate, clock, public_url="http://localhost", is_ready=lambda: True)
        self.admin, self.stranger = (
            testing.TestClient(app, headers={"Authorization": f"Bearer {secret}"}) for secret in secrets
        )
        # Nobody pulls here by himself: whoever waits for the gate makes it pull.
        self.keys.propagation._sleep = self._pull

    def create(self, **members: Any) -> Any:
        return self.admin.simulate_post("/v1/keys", json={"name": "A key", "permissions": ["sensors:read"]} | members)

    def _pull(self, _seconds: float) -> None:
        self.replica.pull()

    def _organisation(self, name: str) -> str:
        organisation_id = self.keys.commands.register_organisation(name, "standard", ORIGIN)
        request = KeyRequest(words=Words(name="Admin"), permissions=("admin",))
        return self.keys.commands.create(organisation_id, request, ORIGIN).secret.value


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(tmp_path_factory.mktemp("keys"))


def test_a_created_key_is_shown_with_its_secret_this_once(api: Api) -> None:
    created = api.create(labels={"env": "prod"}, description="For the trains")
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/keys/{created.json['id']}"
    shown = api.admin.simulate_get(created.headers["location"])
    assert shown.headers["etag"] == '"1"'
    assert "key" not in shown.json
    assert created.json["key"] not in shown.text
    assert shown.json["labels"] == {"env": "prod"}
    assert shown.json == {name: value for name, value in created.json.items() if name not in ("key", "receipt")}


def test_a_list_is_walked_whole_and_once_while_it_grows(api: Api) -> None:
    there = {api.create(name=f"Key {number}").json["id"] for number in range(7)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = api.admin.simulate_get("/v1/keys", params=query).json
        seen += [key["id"] for key in page["data"]]
        api.create(name="Made meanwhile")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert there <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["x", "AAAA", "WyJhIl0", "WzEsMl0", "e30", "W10", "%FF", "é", "a" * 500])
def test_a_cursor_that_was_tampered_with_is_a_bad_request(api: Api, cursor: str) -> None:
    answer = api.admin.simulate_get("/v1/keys", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json["type"].endswith("/problems/invalid-request")


@pytest.mark.parametrize(
    "act", [lambda client, path: client.simulate_get(path), lambda client, path: client.simulate_post(f"{path}/revoke")]
)
def test_another_organisations_key_is_as_unknown_as_one_that_never_was(
    api: Api, act: Callable[[testing.TestClient, str], testing.Result]
) -> None:
    key_id = api.create().json["id"]
    foreign, absent = act(api.stranger, f"/v1/keys/{key_id}"), act(api.stranger, "/v1/keys/key_0")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json["type"] == absent.json["type"]
    assert api.admin.simulate_get(f"/v1/keys/{key_id}").json["status"] == "active"


def test_revoked_twice_the_first_facts_stand_and_the_receipt_is_of_now(api: Api) -> None:
    path = f"/v1/keys/{api.create().json['id']}/revoke"
    first = api.admin.simulate_post(path, json={"reason": "superseded", "note": "The tram has it now"})
    second = api.admin.simulate_post(path, json={"reason": "key-compromise"})
    assert first.status_code == second.status_code == 200
    assert second.json["revoked_at"] == first.json["revoked_at"]
    assert second.json["revocation_reason"] == "superseded"
    assert second.json["receipt"]["propagated"]
    assert second.json["receipt"]["gates"][0]["id"] == "gate_test"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "bell\a"}, "/name"),
        ({"permissions": []}, "/permissions"),
        ({"permissions": ["root"]}, "/permissions/0"),
        ({"permissions": "admin"}, "/permissions"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "/expires_at"),
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": True}, "/expires_in"),
        ({"expires_at": "2027-01-01T00:00:00Z", "expires_in": 60}, "/expires_in"),
        ({"allow_query": "yes"}, "/allow_query"),
        ({"allowed_addresses": ["10.0.0.1/8"]}, "/allowed_addresses/0"),
        ({"allowed_addresses": ["10.0.0.1"] * 10_000}, "/allowed_addresses"),
        ({"labels": {f"l{number}": "x" for number in range(11)}}, "/labels"),
        ({"labels": {"a b": "x"}}, "/labels/a b/key"),
        ({"limits": {"minute": 1_000_001}}, "/limits/minute"),
        ({"limits": {"second": 1}}, "/limits/second"),
        ({"key": "grl_mine"}, "/key"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
    ],
)
def test_what_does_not_fit_is_named_by_its_json_pointer(api: Api, members: dict[str, Any], pointer: str) -> None:
    answer = api.create(**members)
    assert answer.status_code in (413, 422)
    if answer.status_code == 422:
        assert pointer in answer.json["errors"], answer.json["errors"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, JSON)))
def test_no_body_whatever_breaks_the_service(api: Api, body: object) -> None:
    assert api.admin.simulate_post("/v1/keys", json=body).status_code in (201, 400, 422)


def test_after_all_of_this_the_log_is_sound(api: Api) -> None:
    assert audit(api.keys.store).findings == ()
