"""HEAD, OPTIONS, and which web pages may read an answer: a preflight needs no key, costs nothing, leaves no record."""

from pathlib import Path

import pytest
from falcon import testing

from services.service_registry import SERVICES
from shared.web.operation import operation_of
from tests.integration.web.asking import bearer
from tests.integration.web.tiny import Tiny, tiny

PAGE = "https://page.example"
DATA, MANAGEMENT, OPEN = "/v1/things", "/v1/managed", "/openapi.json"
ANY_KEY = "/v1/things/7"


def allowed_origin(app: Tiny, path: str, origin: str = PAGE) -> tuple[str | None, str | None]:
    """What a preflight is told, and what the answer itself says."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    preflight = app.client.simulate_options(path, headers=asked)
    assert preflight.status_code == 204
    answer = app.client.simulate_get(path, headers={"Origin": origin})
    name = "Access-Control-Allow-Origin"
    return preflight.headers.get(name), answer.headers.get(name)


def test_by_default_any_page_may_read_data_and_none_what_manages(app: Tiny) -> None:
    for path, origin in ((DATA, "*"), (OPEN, "*"), (MANAGEMENT, None), (ANY_KEY, None)):
        assert allowed_origin(app, path) == (origin, origin)


def test_configured_origins_may_read_everything_and_no_other_anything(tmp_path: Path) -> None:
    app = tiny(tmp_path, cors_origins=(PAGE,))
    for path in (DATA, MANAGEMENT, OPEN):
        assert allowed_origin(app, path) == (PAGE, PAGE)
        assert allowed_origin(app, path, "https://other.example") == (None, None)
        assert "Origin" in app.client.simulate_get(path).headers["Vary"].split(", ")


def test_a_preflight_names_methods_and_headers_and_leaves_no_record(app: Tiny) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    preflight = app.client.simulate_options(DATA, headers=asked)
    assert preflight.headers["Access-Control-Allow-Methods"] == preflight.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert {"Authorization", "traceparent", "tracestate"} <= listed(preflight, "Access-Control-Allow-Headers")
    assert app.recorded() == []


def test_whoever_may_read_an_answer_may_read_every_header_that_a_program_goes_by(app: Tiny) -> None:
    usual = {"content-type", "content-length", "cache-control", "vary"}
    for name, origin in (("reader", PAGE), ("small", PAGE)):
        for _ in range(3):
            answer = app.client.simulate_get(DATA, headers=bearer(name) | {"Origin": origin})
            shown = {header.lower() for header in listed(answer, "Access-Control-Expose-Headers")}
            sent = {header.lower() for header in answer.headers if not header.lower().startswith("access-control")}
            assert sent - usual <= shown


def listed(answer: testing.Result, name: str) -> set[str]:
    return set(answer.headers[name].split(", "))


def test_every_header_that_an_operation_reads_may_be_sent_from_a_page(app: Tiny) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    allowed = listed(app.client.simulate_options(DATA, headers=asked), "Access-Control-Allow-Headers")
    for name in ("keys", "usage", "sensors"):
        for _, resource in SERVICES[name].assembly.documented_routes():
            declared = [operation_of(resource, method) for method in ("GET", "POST", "PATCH", "DELETE")]
            assert {header for operation in declared if operation for header in operation.headers} <= allowed


@pytest.mark.parametrize("path", [DATA, "/v1/things/7", OPEN, "/open", "/healthz"])
def test_head_is_get_without_a_body(app: Tiny, path: str) -> None:
    get, head = (app.client.simulate_request(method, path, headers=bearer("reader")) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    changing = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "etag")  # the body shows the request's id
    kept = [{name: value for name, value in answer.headers.items() if name not in changing} for answer in (get, head)]
    assert kept[0] == kept[1]


def test_head_is_judged_charged_and_written_down_like_get(app: Tiny) -> None:
    assert app.client.simulate_head(DATA).status_code == 401
    assert app.client.simulate_head(DATA, headers=bearer("small")).status_code == 200
    refused, served = app.recorded()
    assert (refused[4:8], served[4:8], served[9]) == (["HEAD", DATA, 401, 0], ["HEAD", DATA, 200, 1], 0)
