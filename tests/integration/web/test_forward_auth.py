"""/v1/authorize by HTTP: whose word it takes, what it answers, what it charges and what is recorded."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import falcon
import pytest
import yaml
from falcon import testing
from openapi_spec_validator import validate

from services.auth import api as auth_api
from services.auth.schema import AuthorizeQuerySchema
from shared.gate.grants.grant import Limits
from shared.values.permissions import ALIASES, PERMISSIONS
from shared.web.application import application
from tests.integration.web.asking import bearer, problem
from tests.integration.web.tiny import KEYS, PROXIES, PUBLIC_URL, Tiny, tiny

ROOT = Path(__file__).parents[3]
PROXY, STRANGER = "10.0.0.1", "203.0.113.66"
READER = KEYS["reader"]
NGINX = {"X-Original-Method": "PUT", "X-Original-URI": "/tiles/7?zoom=3", "X-Forwarded-For": "198.51.100.9"}
TRAEFIK = {
    "X-Forwarded-Method": "PUT",
    "X-Forwarded-Uri": "/tiles/7?zoom=3",
    "X-Forwarded-Host": "tiles.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "198.51.100.9",
}


class Door:
    """Auth's public door, and what its gate has written down."""

    def __init__(self, app: Tiny) -> None:
        self.app = app
        routes = auth_api.routes(PROXIES)
        self.client = testing.TestClient(
            application(
                "auth",
                routes,
                app.gate,
                app.clock,
                public_url=PUBLIC_URL,
                is_ready=lambda: True,
                proxies=PROXIES,
            )
        )

    def ask(
        self,
        headers: dict[str, str],
        *,
        query: str = "permission=sensors:read",
        method: str = "GET",
        peer: str = PROXY,
    ) -> testing.Result:
        extras = {"REMOTE_ADDR": peer}
        return self.client.simulate_request(method, "/v1/authorize", headers=headers, query_string=query, extras=extras)


@pytest.fixture
def door(app: Tiny) -> Door:
    return Door(app)


def test_the_query_by_which_a_proxy_asks_is_read_once_for_all_its_requests(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, load = [], AuthorizeQuerySchema.load

    def counted(schema: AuthorizeQuerySchema, data: Any) -> Any:
        read.append(data)
        return load(schema, data)

    monkeypatch.setattr(AuthorizeQuerySchema, "load", counted)
    assert [door.ask(NGINX | bearer("reader")).status_code for _ in range(3)] == [200] * 3
    assert read == [{"permission": "sensors:read"}]


def test_it_holds_no_slot(tmp_path: Path) -> None:
    door = Door(tiny(tmp_path, policy={"free": Limits(minute=60, day=None, concurrent=0)}))
    assert door.ask(bearer("reader") | NGINX).status_code == 200


@pytest.mark.parametrize("dialect", [NGINX, TRAEFIK])
def test_a_key_that_may_passes_with_who_it_is_and_is_recorded_as_the_original_request(
    door: Door, dialect: dict[str, str]
) -> None:
    answer = door.ask(dialect | bearer("writer") | {"User-Agent": "the caller's"})
    assert answer.status_code == 200
    assert answer.headers["X-Grillo-Key-Id"] == "key_2"
    assert answer.headers["X-Grillo-Organisation"] == "org_railway"
    assert answer.headers["X-Grillo-Permissions"] == "config:write sensors:read"
    assert answer.headers["RateLimit"].startswith('"minute";r=59;')
    assert answer.headers["Cache-Control"] == "private"
    assert answer.json["permissions"] == ["config:write", "sensors:read"]
    (record,) = door.app.recorded()
    assert record[2:8] == ["key_2", "org_railway", "PUT", "/tiles/7", 200, 1]
    assert record[10:12] == ["198.51.100.9", "the caller's"]


def test_the_permission_may_be_spelled_as_the_product_does(door: Door) -> None:
    answer = door.ask(NGINX | bearer("reader"), query="permission=read:networks")
    assert (answer.status_code, answer.headers["X-Accepted-Permission"]) == (200, "sensors:read")


def test_the_proxys_configuration_may_name_the_route(door: Door) -> None:
    door.ask(NGINX | bearer("reader"), query="permission=sensors:read&route=/tiles/{tile}")
    assert door.app.recorded()[0][5] == "/tiles/{tile}"


@pytest.mark.parametrize("method", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"])
def test_every_method_of_the_asking_means_the_same_and_none_lets_a_stranger_pass(door: Door, method: str) -> None:
    assert door.ask(NGINX | bearer("reader"), method=method).status_code == 200
    preflight = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    assert door.ask(NGINX | preflight, method=method).status_code == 401
    assert [record[6] for record in door.app.recorded()] == [200, 401]


def test_no_method_is_left_to_an_answer_that_asks_no_gate() -> None:
    methods = set(falcon.COMBINED_METHODS) - {"WEBSOCKET"}
    assert {getattr(auth_api.Authorize, f"on_{method.lower()}") for method in methods} == {auth_api.Authorize.on_get}


def test_a_key_in_the_original_query_counts_and_nobody_may_keep_the_answer(door: Door) -> None:
    answer = door.ask(NGINX | {"X-Original-URI": f"/tiles?api_key={READER}"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    answer = door.ask(NGINX | {"X-Original-URI": f"/tiles?api_key={READER}"} | bearer("reader"))
    problem(answer, 400, "invalid-request")
    answer = door.ask(NGINX | {"X-Original-URI": f"/tiles?api_key={KEYS['header only']}"})
    problem(answer, 400, "invalid-request")
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("headers", "permission", "status", "name"),
    [
        ({}, "sensors:read", 401, "missing-credentials"),
        ({"Authorization": "Bearer nonsense"}, "sensors:read", 401, "invalid-key"),
        (bearer("revoked"), "sensors:read", 401, "key-revoked"),
        (bearer("expired"), "sensors:read", 401, "key-expired"),
        (bearer("reader"), "config:write", 403, "insufficient-permission"),
        (bearer("reader"), "write:networks", 403, "insufficient-permission"),
        (bearer("loopback"), "sensors:read", 403, "address-not-allowed"),
        (bearer("parked"), "sensors:read", 503, "unavailable"),
    ],
)
def test_a_refusal_is_the_gates_own_about_the_original_and_fits_into_a_header(
    door: Door, headers: dict[str, str], permission: str, status: int, name: str
) -> None:
    answer = door.ask(NGINX | headers, query=f"permission={permission}")
    body = problem(answer, status, name)
    assert body["instance"] == "/tiles/7"
    assert json.loads(answer.headers["X-Grillo-Problem"]) == body
    assert ("WWW-Authenticate" in answer.headers) == (name not in ("address-not-allowed", "unavailable"))
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "X-Grillo-Key-Id" not in answer.headers
    (record,) = door.app.recorded()
    assert record[4:8] == ["PUT", "/tiles/7", status, 0]


@pytest.mark.parametrize(
    ("uri", "query", "passes"),
    [
        ("/tiles/7", "", True),
        ("/tiles/7", "&network_id=net_1", True),
        ("/tiles/7?network_id=net_1", "&network_id=net_1", True),
        ("/tiles/7", "&network_id=net_2", False),
        ("/tiles/7?network_id=net_2", "", False),
        ("/tiles/7?network_id=net_2", "&network_id=net_1", False),
        ("/tiles/7?network_id=net_1&a=b&network%5Fid=net_2", "", False),
        ("/tiles/7?network_id", "", False),
    ],
)
def test_each_network_that_proxy_or_request_names_must_be_among_the_key_s_own(
    door: Door, uri: str, query: str, passes: bool
) -> None:
    named = f"permission=sensors:read{query}"
    answer = door.ask(NGINX | {"X-Original-URI": uri} | bearer("scoped"), query=named)
    if passes:
        assert answer.status_code == 200
    else:
        problem(answer, 403, "network-not-allowed")
    assert door.ask(NGINX | {"X-Original-URI": uri} | bearer("reader"), query=named).status_code == 200
    assert [record[7] for record in door.app.recorded()] == [int(passes), 1], "a refusal costs nothing"


def test_a_limit_is_counted_once_for_each_asking_and_its_end_is_told(door: Door) -> None:
    asked = [door.ask(NGINX | bearer("small")) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert asked[-1].headers["Retry-After"] == "60"
    assert problem(asked[-1], 429, "quota-exceeded")["violated-policies"] == ["minute"]
    assert [record[7] for record in door.app.recorded()] == [1, 1, 0]


def test_a_gate_that_is_not_fresh_lets_nobody_pass(door: Door) -> None:
    door.app.clock.advance(300)
    problem(door.ask(NGINX | bearer("reader")), 503, "gate-not-fresh")


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "not an address"])
@pytest.mark.parametrize("headers", [{}, NGINX, TRAEFIK])
def test_a_stranger_may_not_ask_whatever_it_sends_and_nothing_is_charged_or_recorded(
    door: Door, peer: str, headers: dict[str, str]
) -> None:
    answer = door.ask(headers | bearer("reader"), peer=peer)
    assert "TRUSTED_PROXIES" in problem(answer, 400, "invalid-request")["detail"]
    assert door.app.recorded() == []
    assert door.ask(NGINX | bearer("reader")).headers["RateLimit"].startswith('"minute";r=59;')


def test_the_callers_address_is_the_last_that_no_proxy_of_ours_added(door: Door) -> None:
    door.ask(NGINX | bearer("reader") | {"X-Forwarded-For": f"{STRANGER}, 198.51.100.9, 10.0.0.7"})
    assert door.app.recorded()[0][10] == "198.51.100.9"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "permission=",
        "permission=sensors:write",
        "permission=sensors:read&permission=admin",
        "permission=sensors:read/tiles?permission=admin",
        "permission=sensors:read&wrong=1",
        "permission=sensors:read&route=tiles",
        "permission=sensors:read&route=/" + "x" * 100,
        f"permission=sensors:read&api_key={READER}",
    ],
)
def test_a_question_that_the_gate_does_not_know_is_refused_and_costs_nothing(door: Door, query: str) -> None:
    answer = door.ask(NGINX | bearer("reader"), query=query)
    problem(answer, 400, "invalid-request")
    assert READER not in str(answer.headers) + answer.text
    assert door.app.recorded() == []


def test_a_question_asked_before_is_answered_as_it_was_and_no_other_one_is(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries that were read are kept, as many as there is room for."""
    monkeypatch.setattr(auth_api, "_QUERIES_MAX", 2)
    asked = {"permission=sensors:read": 200, "permission=admin": 403, "permission=": 400, "permission=events:read": 403}
    for _ in range(3):
        assert {query: door.ask(NGINX | bearer("reader"), query=query).status_code for query in asked} == asked


def test_two_dialects_that_disagree_are_refused(door: Door) -> None:
    answer = door.ask(TRAEFIK | bearer("reader") | {"X-Original-Method": "GET", "X-Original-URI": "/open"})
    problem(answer, 400, "invalid-request")
    assert door.ask(TRAEFIK | NGINX | bearer("reader")).status_code == 200


def test_traefiks_configuration_asks_for_what_it_needs_and_lets_no_other_header_of_the_caller_through(
    door: Door,
) -> None:
    """Traefik is in no package registry: this is what its documentation says that it sends."""
    middlewares = yaml.safe_load((ROOT / "ops/traefik/forward-auth.yaml").read_text())["http"]["middlewares"]
    forward = middlewares["grillo"]["forwardAuth"]
    address = urlsplit(forward["address"])
    assert (address.path, forward["trustForwardHeader"]) == ("/v1/authorize", False)

    def ask(sent: dict[str, str], uri: str = "/tiles/7") -> testing.Result:
        passed = {name: value for name, value in sent.items() if name in forward["authRequestHeaders"]}
        return door.ask(passed | TRAEFIK | {"X-Forwarded-Uri": uri}, query=address.query)

    spoofed = {"X-Original-Method": "GET", "X_Forwarded_Uri": "/open", "X_Forwarded_For": "10.0.0.9"}
    answer = ask(spoofed | bearer("reader") | {"User-Agent": "probe"})
    assert answer.status_code == 200
    assert all(name in answer.headers for name in forward["authResponseHeaders"])
    assert door.app.recorded()[0][10:12] == ["198.51.100.9", "probe"]
    # It cannot take a key out of the query of what it sends on, so there must be none.
    problem(ask({}, f"/tiles?api_key={READER}"), 400, "invalid-request")
    assert middlewares["without-key"]["headers"]["customRequestHeaders"]["Authorization"] == ""


def test_a_prefix_instead_of_a_fixed_path_leads_nowhere(door: Door) -> None:
    """Envoy's `path_prefix` puts the original path behind ours: its caller would choose what is asked."""
    path = "/v1/authorize/tiles"
    answer = door.client.simulate_get(path, headers=NGINX | bearer("reader"), query_string="permission=sensors:read")
    assert answer.status_code == 404


def test_the_document_describes_it(door: Door) -> None:
    document: dict[str, Any] = door.client.simulate_get("/openapi.json").json
    validate(document)
    described = document["paths"]["/v1/authorize"]["get"]
    (permission,) = (it for it in described["parameters"] if it["name"] == "permission")
    assert (permission["required"], permission["schema"]["enum"]) == (True, [*PERMISSIONS, *ALIASES])
    assert {"200", "400", "401", "403", "429", "503"} <= described["responses"].keys()
