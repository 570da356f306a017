"""Every refusal of the contract, on every resource of every service: no declaration escapes the gate."""

import re

import pytest
from falcon import testing

from services.service_registry import SERVICES
from shared.web.application import application
from shared.web.operation import Operation, operation_of
from tests.gate_examples import presented, secret
from tests.integration.web.asking import bearer, problem
from tests.integration.web.tiny import KEYS, PUBLIC_URL, Tiny

ROUTES = [route for name in ("keys", "usage", "sensors") for route in SERVICES[name].assembly.documented_routes()]
OPERATIONS: list[tuple[str, str, Operation]] = [
    (method, re.sub(r"{\w+}", "some", path), operation)
    for path, resource in ROUTES
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    if (operation := operation_of(resource, method)) is not None
]
REALM = 'Bearer realm="grillo"'
INVALID_REQUEST, INVALID_TOKEN = f'{REALM}, error="invalid_request"', f'{REALM}, error="invalid_token"'
on_every_resource = pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)


@pytest.fixture
def client(app: Tiny) -> testing.TestClient:
    """All services' resources behind one gate; the services themselves are not there, for no request gets so far."""
    return testing.TestClient(
        application("all", ROUTES, app.gate, app.clock, public_url=PUBLIC_URL, is_ready=lambda: True)
    )


def refused(answer: testing.Result, status: int, name: str, challenge: str | None = None) -> None:
    problem(answer, status, name)
    assert answer.headers.get("WWW-Authenticate") == challenge
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


@on_every_resource
def test_each_refusal_is_the_documented_one(
    client: testing.TestClient, app: Tiny, method: str, path: str, operation: Operation
) -> None:
    def ask(headers: dict[str, str], query: str = "") -> testing.Result:
        return client.simulate_request(method, path, headers=headers, query_string=query)

    refused(ask({}), 401, "missing-credentials", REALM)
    refused(ask({"Authorization": "Basic Zm9vOmJhcg=="}), 400, "invalid-request", INVALID_REQUEST)
    refused(ask(bearer("reader"), f"api_key={KEYS['reader']}"), 400, "invalid-request", INVALID_REQUEST)
    refused(ask({"Authorization": f"Bearer {secret(99)}"}), 401, "invalid-key", INVALID_TOKEN)
    refused(ask(bearer("revoked")), 401, "key-revoked", INVALID_TOKEN)
    if not operation.gives_up:
        # Who only gives its own power up is not asked: there is no service here, so what passes is a 500.
        refused(ask(bearer("expired")), 401, "key-expired", INVALID_TOKEN)
        refused(ask(bearer("elsewhere")), 403, "address-not-allowed")
    refused(ask(bearer("parked")), 503, "unavailable")
    if operation.permission not in (None, "sensors:read"):
        challenge = f'{REALM}, error="insufficient_scope", scope="{operation.permission}"'
        refused(ask(bearer("reader")), 403, "insufficient-permission", challenge)
    app.gate.admit(presented(f"Bearer {KEYS['small admin']}"), "admin")
    for _ in range(operation.reserve.limits.minute if operation.reserve else 0):
        # Some have a reserve of their own; whatever the handler makes of it, the gate passes it.
        app.gate.admit(presented(f"Bearer {KEYS['small admin']}"), "admin", reserve=operation.reserve)
    refused(ask(bearer("small admin")), 429, "quota-exceeded")
    app.clock.advance(300)
    refused(ask(bearer("reader")), 503, "gate-not-fresh")


@on_every_resource
def test_a_key_that_may_not_be_sent_in_the_query_is_refused_there_and_no_cache_may_keep_any_query_key_s_answer(
    client: testing.TestClient, method: str, path: str, operation: Operation
) -> None:
    answer = client.simulate_request(method, path, query_string=f"api_key={KEYS['header only']}")
    refused(answer, 400, "invalid-request", INVALID_REQUEST)
    assert "Authorization header" in answer.json["detail"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    # Whatever its handler makes of it, or a 500, for there is no service behind it.
    admitted = client.simulate_request(method, path, query_string=f"api_key={KEYS['small admin']}")
    assert admitted.headers["RateLimit"].startswith('"minute";r=0;')
    assert admitted.headers["Cache-Control"] == "private, no-store"


def test_every_service_s_resources_are_among_them() -> None:
    assert {path.split("/")[2] for _, path, _ in OPERATIONS} >= {"keys", "organisation", "sensors", "events"}
