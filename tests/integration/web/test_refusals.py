"""Every refusal of the contract: its status, its problem, and the headers that tell a program what to do."""

import json
import re
from typing import Any

import pytest
from falcon import testing

from shared.web.problems.catalogue import CATALOGUE
from shared.web.problems.french import FRENCH
from tests.gate_examples import secret
from tests.integration.web.asking import bearer, problem
from tests.integration.web.tiny import KEYS, Tiny

REALM = 'Bearer realm="grillo"'
READER = KEYS["reader"]
UNKNOWN = secret(99)


@pytest.mark.parametrize(
    ("headers", "query", "status", "name", "challenge"),
    [
        ({}, "", 401, "missing-credentials", REALM),
        ({"Authorization": "Basic Zm9vOmJhcg=="}, "", 400, "invalid-request", f'{REALM}, error="invalid_request"'),
        ({"Authorization": ""}, "", 400, "invalid-request", f'{REALM}, error="invalid_request"'),
        (bearer("reader"), f"api_key={READER}", 400, "invalid-request", f'{REALM}, error="invalid_request"'),
        ({}, f"api_key={READER}&api_key={READER}", 400, "invalid-request", f'{REALM}, error="invalid_request"'),
        ({}, f"api_key={KEYS['header only']}", 400, "invalid-request", f'{REALM}, error="invalid_request"'),
        ({}, "api_key=", 401, "invalid-key", f'{REALM}, error="invalid_token"'),
        ({"Authorization": f"Bearer {READER[:-1]}x"}, "", 401, "invalid-key", f'{REALM}, error="invalid_token"'),
        ({"Authorization": f"Bearer {UNKNOWN}"}, "", 401, "invalid-key", f'{REALM}, error="invalid_token"'),
        (bearer("revoked"), "", 401, "key-revoked", f'{REALM}, error="invalid_token"'),
        (bearer("expired"), "", 401, "key-expired", f'{REALM}, error="invalid_token"'),
        (bearer("elsewhere"), "", 403, "address-not-allowed", None),
        (bearer("parked"), "", 503, "unavailable", None),
        (bearer("untiered"), "", 503, "unavailable", None),
    ],
)
def test_a_refusal_is_the_documented_one(
    app: Tiny, headers: dict[str, str], query: str, status: int, name: str, challenge: str | None
) -> None:
    answer = app.client.simulate_get("/v1/things", headers=headers, query_string=query)
    body = problem(answer, status, name)
    assert answer.headers.get("WWW-Authenticate") == challenge
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert body["instance"] == "/v1/things"
    assert not any(key in answer.text for key in KEYS.values())


def test_a_missing_permission_is_named_in_the_challenge_and_in_words(app: Tiny) -> None:
    answer = app.client.simulate_post("/v1/things", headers=bearer("reader"), json={"name": "x"})
    body = problem(answer, 403, "insufficient-permission")
    assert answer.headers["WWW-Authenticate"] == f'{REALM}, error="insufficient_scope", scope="config:write"'
    assert answer.headers["X-Accepted-Permission"] == "config:write"
    assert "config:write" in body["detail"]


def test_a_key_over_its_limit_is_told_which_and_for_how_long(app: Tiny) -> None:
    def ask() -> Any:
        return app.client.simulate_get("/v1/things", headers=bearer("small"))

    assert [ask().status_code for _ in range(2)] == [200, 200]
    app.clock.advance(12)
    answer = ask()
    body = problem(answer, 429, "quota-exceeded")
    assert body["violated-policies"] == ["minute"]
    assert answer.headers["Retry-After"] == "48"
    assert answer.headers["RateLimit"].startswith('"minute";r=0;t=48, "day";r=1;t=')
    app.clock.advance(48)
    assert ask().status_code == 200
    body = problem(ask(), 429, "quota-exceeded")
    assert body["violated-policies"] == ["day"]


def test_an_address_that_sends_too_many_invalid_keys_is_told_how_long_to_wait_and_a_valid_key_passes(app: Tiny) -> None:
    def guess() -> Any:
        return app.client.simulate_get("/v1/things", headers={"Authorization": f"Bearer {UNKNOWN}"})

    assert {guess().status_code for _ in range(60)} == {401}
    app.clock.advance(15)
    answer = guess()
    body = problem(answer, 429, "quota-exceeded")
    assert (body["violated-policies"], answer.headers["Retry-After"]) == (["guesses"], "45")
    assert app.client.simulate_get("/v1/things", headers=bearer("reader")).status_code == 200


def test_a_gate_that_is_not_fresh_refuses_everything_and_says_when_to_come_back(app: Tiny) -> None:
    app.clock.advance(300)
    retries = set()
    for _ in range(50):
        for headers in (bearer("reader"), {}):
            answer = app.client.simulate_get("/v1/things", headers=headers)
            problem(answer, 503, "gate-not-fresh")
            retries.add(answer.headers["Retry-After"])
    assert len(retries) > 1  # not all come back at once
    assert all(re.fullmatch("[1-9]", retry) for retry in retries)
    assert app.client.simulate_get("/readyz").status_code == 503
    assert app.client.simulate_get("/healthz").status_code == 200


def test_of_a_disk_that_is_not_its_own_a_process_says_nothing(app: Tiny) -> None:
    assert app.client.simulate_get("/readyz").json == {"status": "ready"}


def test_an_address_inside_the_keys_networks_passes(app: Tiny) -> None:
    for address, status in (("198.51.100.9", 200), ("2001:db8::7", 200), ("203.0.113.1", 403)):
        extras = {"REMOTE_ADDR": address}
        answer = app.client.simulate_get("/v1/things", headers=bearer("elsewhere"), extras=extras)
        assert answer.status_code == status


def test_a_forwarded_address_counts_only_from_a_proxy_of_ours_and_is_the_one_written_down(app: Tiny) -> None:
    spoofed = bearer("elsewhere") | {"X-Forwarded-For": "198.51.100.9"}
    for peer, forwarded_for, status, caller in (
        ("203.0.113.1", "198.51.100.9", 403, "203.0.113.1"),
        ("10.0.0.1", "198.51.100.9", 200, "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9, 203.0.113.1", 403, "203.0.113.1"),
    ):
        headers = spoofed | {"X-Forwarded-For": forwarded_for}
        answer = app.client.simulate_get("/v1/things", headers=headers, extras={"REMOTE_ADDR": peer})
        assert (answer.status_code, app.recorded()[-1][10]) == (status, caller)


def test_limits_are_told_in_the_grammar_of_the_draft_with_every_authenticated_answer(app: Tiny) -> None:
    policy = re.compile(r'"minute";q=60;w=60, "day";q=10000;w=86400')
    state = re.compile(r'"minute";r=(\d+);t=(\d+), "day";r=(\d+);t=(\d+)')
    left = []
    for headers, query in ((bearer("reader"), ""), ({}, f"api_key={READER}"), (bearer("revoked"), "")):
        answer = app.client.simulate_get("/v1/things", headers=headers, query_string=query)
        assert policy.fullmatch(answer.headers["RateLimit-Policy"])
        matched = state.fullmatch(answer.headers["RateLimit"])
        assert matched
        left.append((int(matched[1]), int(matched[3])))
        assert int(matched[2]) == 60
        assert int(matched[4]) == (24 - 8) * 3600 - 17 * 60
    assert left == [(59, 9999), (58, 9998), (60, 10_000)]
    assert "RateLimit" not in app.client.simulate_get("/v1/things").headers


def test_the_window_with_fewer_requests_left_is_told_in_numbers_with_every_authenticated_answer(
    app: Tiny,
) -> None:
    def told(name: str, path: str = "/v1/things") -> list[int]:
        headers = app.client.simulate_get(path, headers=bearer(name)).headers
        return [int(headers[f"X-RateLimit-{part}"]) for part in ("Limit", "Remaining", "Reset")]

    now = int(app.clock.now().timestamp())
    midnight = now + (24 - 8) * 3600 - 17 * 60
    # of 2 a minute and 3 a day
    assert [told("small") for _ in range(3)] == [[2, 1, now + 60], [2, 0, now + 60], [2, 0, now + 60]]
    app.clock.advance(60)
    assert told("small") == [3, 0, midnight]
    assert told("revoked") == [60, 60, now + 120]
    assert "X-RateLimit-Limit" not in app.client.simulate_get("/v1/things").headers


def test_every_answer_of_an_operation_names_the_permission_that_it_needs(app: Tiny) -> None:
    for headers in (bearer("reader"), bearer("revoked"), {}):
        answer = app.client.simulate_post("/v1/things", headers=headers, json={"name": "x"})
        assert answer.headers["X-Accepted-Permission"] == "config:write"
    assert "X-Accepted-Permission" not in app.client.simulate_get("/v1/things/7", headers=bearer("reader")).headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "query", "cache_control"),
    [
        ("GET", "/v1/things", bearer("reader"), "", "private"),
        ("GET", "/v1/things", {}, f"api_key={READER}", "private, no-store"),
        ("GET", "/v1/things", bearer("revoked"), "", "private"),
        ("GET", "/v1/things", {}, f"api_key={KEYS['revoked']}", "private, no-store"),
        ("GET", "/v1/things", bearer("parked"), "", "private"),
        ("GET", "/v1/things", {}, f"api_key={KEYS['header only']}", "private, no-store"),
        ("POST", "/v1/things", bearer("writer"), "", "no-store"),
        ("POST", "/v1/things", {}, f"api_key={KEYS['writer']}", "private, no-store"),
        ("GET", "/v1/things", {}, "", None),
        ("GET", "/v1/things", {}, f"api_key={UNKNOWN}", "private, no-store"),
        ("GET", "/v1/things", bearer("reader"), f"api_key={READER}", "private, no-store"),
        ("GET", "/v1/nowhere", {}, f"api_key={READER}", "private, no-store"),
        ("PUT", "/v1/things", {}, f"api_key={READER}", "private, no-store"),
    ],
)
def test_who_may_keep_an_answer(
    app: Tiny, method: str, path: str, headers: dict[str, str], query: str, cache_control: str | None
) -> None:
    json = {"name": "x"} if method == "POST" else None
    answer = app.client.simulate_request(method, path, headers=headers, query_string=query, json=json)
    assert answer.headers.get("Cache-Control") == cache_control


@pytest.mark.parametrize("given", ["r-1", "0af7651916cd43dd8448eb211c80319c", "a.b_c:d", "x" * 100])
def test_a_sane_request_id_is_the_callers_own(app: Tiny, given: str) -> None:
    answer = app.client.simulate_get("/v1/things", headers=bearer("reader") | {"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == given
    assert app.recorded()[-1][0] == given


@pytest.mark.parametrize("given", ["", "x" * 101, "a b", "a\tb", "é", '"', "a,b", READER, f"x{READER}", READER[:30]])
def test_any_other_request_id_is_replaced_and_a_secret_is_never_echoed(app: Tiny, given: str) -> None:
    answer = app.client.simulate_get("/v1/things", headers=bearer("reader") | {"X-Request-Id": given})
    assert re.fullmatch("req_[0-9a-f]{24}", answer.headers["X-Request-Id"])
    assert len(given) < 3 or given not in f"{answer.text} {app.recorded()}"


def test_every_answer_has_a_request_id_of_its_own(app: Tiny) -> None:
    paths = ["/v1/things", "/nowhere", "/open", "/healthz", "/openapi.json"]
    ids = [app.client.simulate_get(path).headers["X-Request-Id"] for path in paths * 3]
    assert len(set(ids)) == len(ids)


def test_a_method_that_is_not_there_is_refused_with_those_that_are(app: Tiny) -> None:
    answer = app.client.simulate_put("/v1/things", headers=bearer("reader"))
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("method", ["WEBSOCKET", "CONNECT", "TRACE", "PROPFIND", "BREW", "get"])
def test_no_method_however_odd_is_a_fault_of_ours_and_all_are_told_the_same(app: Tiny, method: str) -> None:
    started = testing.StartResponseMock()
    environ = testing.create_environ("/v1/things", headers=bearer("reader")) | {"REQUEST_METHOD": method}
    body = json.loads(b"".join(app.app(environ, started)))
    assert body["status"] == 405
    allow = app.client.simulate_options("/v1/things").headers["Allow"]
    assert started.headers_dict["Allow"] == allow == "GET, HEAD, OPTIONS, POST"
    assert body["request_id"] == started.headers_dict["X-Request-Id"]


def test_what_is_not_there_is_not_found_with_and_without_a_key(app: Tiny) -> None:
    for headers in ({}, bearer("reader")):
        problem(app.client.simulate_get("/v1/nothing", headers=headers), 404, "not-found")
    assert app.recorded() == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=1&wrong=2&also=3", "also, wrong"),
        ("from_=2026-01-01T00:00:00Z", "from_"),
        ("", None),
        ("from=2026-01-01T00:00:00Z", None),
    ],
)
def test_unknown_query_parameters_are_named(app: Tiny, query: str, named: str | None) -> None:
    answer = app.client.simulate_get("/v1/things", headers=bearer("reader"), query_string=query)
    if named is None:
        assert answer.status_code == 200
    else:
        body = problem(answer, 400, "invalid-request")
        assert body["detail"] == f"unknown query parameters: {named}"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=x", "limit=0", "limit=", "limit=1&limit=2", "limit=1_0", "limit=%D9%A3", "limit=+1", "limit=1%00"),
        *("from=yesterday", "from=2026-01-01T00:00:00", "from=2026-01-01T00:00:0%D9%A3Z", "from=%00"),
    ],
)
def test_a_query_parameter_that_does_not_fit_is_named_as_it_was_sent(app: Tiny, query: str) -> None:
    answer = app.client.simulate_get("/v1/things", headers=bearer("reader"), query_string=query)
    body = problem(answer, 400, "invalid-request")
    assert body["detail"].startswith(query.partition("=")[0] + ": ")


def test_a_parameter_given_twice_is_told_so(app: Tiny) -> None:
    answer = app.client.simulate_get("/v1/things", headers=bearer("reader"), query_string="limit=1&limit=1")
    assert problem(answer, 400, "invalid-request")["detail"] == "limit: is given more than once"


def test_title_and_first_fault_are_told_in_the_caller_s_language(app: Tiny) -> None:
    for asked, limit, title in (
        ("fr-CH, en;q=0.5", "limit : doit être un nombre entier", FRENCH["invalid-request"][0]),
        ("de", "limit: must be a whole number", CATALOGUE["invalid-request"].title),
    ):
        headers = bearer("reader") | {"Accept-Language": asked}
        body = problem(app.client.simulate_get("/v1/things?limit=x", headers=headers), 400, "invalid-request")
        assert (body["title"], body["detail"]) == (title, limit)
        lost = problem(app.client.simulate_get("/nowhere", headers=headers), 404, "not-found")
        assert (lost["title"] == CATALOGUE["not-found"].title) == (asked == "de")


@pytest.mark.parametrize("character", ["%00", "%01", "%0A", "%1F", "%7F", "%C2%85"])
def test_a_control_character_in_an_id_reaches_no_handler_and_so_no_database(app: Tiny, character: str) -> None:
    """PostgreSQL takes no NUL in a text, and says so with an error of its own."""
    answer = app.client.simulate_get(f"/v1/things/7{character}", headers=bearer("reader"))
    problem(answer, 404, "not-found")


def test_a_resource_without_parameters_names_every_one_it_is_given_but_the_key(app: Tiny) -> None:
    answer = app.client.simulate_get("/v1/things/7", query_string=f"api_key={READER}&b=1&a=2")
    assert problem(answer, 400, "invalid-request")["detail"] == "unknown query parameters: a, b"
    assert app.client.simulate_get("/v1/things/7", query_string=f"api_key={READER}").status_code == 200
