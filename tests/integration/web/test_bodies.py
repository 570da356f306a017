"""What a body must be, and that whatever it is instead, the answer says so and is never a fault of ours."""

import json
from typing import Any

import pytest
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.web.requests.json_body import BODY_BYTES_MAX, ERRORS_MAX
from tests.integration.web.asking import bearer, problem
from tests.integration.web.tiny import KEYS, Tiny

JSON = {"Content-Type": "application/json"}


def post(app: Tiny, body: str | bytes, **headers: str) -> testing.Result:
    return app.client.simulate_post("/v1/things", headers=bearer("writer") | JSON | headers, body=body)


def test_a_good_body_is_taken_whatever_its_media_types_parameters(app: Tiny) -> None:
    for media_type in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON"):
        answer = post(app, '{"name": "Très bien 🌋", "size": 3}', **{"Content-Type": media_type})
        assert (answer.status_code, answer.json["body"]) == (201, {"name": "Très bien 🌋", "size": 3})


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_another_media_type_is_unsupported(app: Tiny, media_type: str) -> None:
    problem(post(app, '{"name": "x"}', **{"Content-Type": media_type}), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{'name': 'x'}",
        '{"name": "x",}',
        '{"name": "x"} {"name": "y"}',
        '{"name": "x", "name": "x"}',
        '{"name": "x", "inner": {"depth": 1, "depth": 2}}',
        '{"name": "x", "size": NaN}',
        '{"name": "x", "size": Infinity}',
        '{"name": "x", "size": -Infinity}',
        '{"name": "x", "size": 1' + "0" * 5000 + "}",
        '{"name": "x", "inner": {"depth": 1e400}}',
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        '{"name": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"name": "x", "labels": [{"\\ud800": "\\udc00"}]}',
        '{"name": "\ud800"}'.encode("utf-8", "surrogatepass"),
        b'{"name": "\xff"}',
        '{"name": "x"}'.encode("utf-16"),
        '{"name": "x"}'.encode("utf-32"),
        b"\x00",
        "\ufeff{}".encode(),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_for_everybody_is_an_invalid_request(app: Tiny, body: str | bytes) -> None:
    detail = problem(post(app, body), 400, "invalid-request")["detail"]
    assert detail.startswith("the body ")
    assert "set_int_max_str_digits" not in detail


def test_a_body_nested_deep_is_judged_by_its_schema_or_refused_as_too_deep(app: Tiny) -> None:
    for depth in (10, 100, 900, 990, 1000, 2000, 30_000):
        answer = post(app, '{"name": ' + "[" * depth + "]" * depth + "}")
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true", '[{"name": "x"}]'])
def test_json_that_is_no_object_does_not_fit(app: Tiny, body: str) -> None:
    assert list(problem(post(app, body), 422, "invalid-body")["errors"]) == [""]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": None}, ["/name"]),
        ({"name": 1}, ["/name"]),
        ({"name": "x" * 21, "size": "3"}, ["/name", "/size"]),
        ({"name": "x", "size": True}, ["/size"]),
        ({"name": "x", "size": 1.5}, ["/size"]),
        ({"name": "x", "extra": 1}, ["/extra"]),
        ({"name": "x", "a/b": 1, "c~d": 1, "": 1}, ["/", "/a~1b", "/c~0d"]),
        ({"name": "x", "inner": {"depth": "x", "more": 1}}, ["/inner/depth", "/inner/more"]),
        ({"name": "x", "inner": 7}, ["/inner"]),
        ({"name": "x", "many": [{"depth": 1}, {}, 7]}, ["/many/1/depth", "/many/2"]),
    ],
)
def test_errors_are_json_pointers_to_what_is_wrong_where(app: Tiny, body: Any, pointers: list[str]) -> None:
    errors = problem(post(app, json.dumps(body)), 422, "invalid-body")["errors"]
    assert sorted(errors) == pointers
    assert all(messages and all(isinstance(text, str) for text in messages) for messages in errors.values())


def test_of_very_many_errors_some_are_told_and_how_many_more_there_are(app: Tiny) -> None:
    body = {"name": "x"} | {f"unknown{number}": 1 for number in range(ERRORS_MAX + 7)}
    errors = problem(post(app, json.dumps(body)), 422, "invalid-body")["errors"]
    assert len(errors) == ERRORS_MAX + 1
    assert errors[""] == ["and 7 more members are wrong"]


def test_a_missing_body_is_an_empty_object(app: Tiny) -> None:
    answer = app.client.simulate_post("/v1/things", headers=bearer("writer"))
    assert list(problem(answer, 422, "invalid-body")["errors"]) == ["/name"]


def test_a_body_over_the_bound_is_too_large_with_and_without_its_length(app: Tiny) -> None:
    fits, over = (json.dumps({"name": "x" * (size - 12)}) for size in (BODY_BYTES_MAX, BODY_BYTES_MAX + 1))
    assert (len(fits), len(over)) == (BODY_BYTES_MAX, BODY_BYTES_MAX + 1)
    assert post(app, fits).status_code == 422
    problem(post(app, over), 413, "body-too-large")
    for body, status in ((fits, 422), (over, 413)):
        answer = _chunked(app, body)
        assert answer["status"] == status
    lying = post(app, "", **{"Content-Length": str(10**12)})
    problem(lying, 413, "body-too-large")


def test_a_body_in_chunks_is_read(app: Tiny) -> None:
    """A server hands it over without a Content-Length; reading nothing would be to ignore what was asked."""
    assert _chunked(app, '{"name": "x", "size": 7}') == {"body": {"name": "x", "size": 7}}


def _chunked(app: Tiny, body: str) -> Any:
    environ = testing.create_environ("/v1/things", method="POST", headers=bearer("writer") | JSON, body=body)
    del environ["CONTENT_LENGTH"]
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    return json.loads(b"".join(app.app(environ, testing.StartResponseMock())))


@pytest.mark.parametrize("length", ["-1", "x", "1.5", ""])
def test_a_length_that_is_none_is_no_fault_of_ours(app: Tiny, length: str) -> None:
    environ = testing.create_environ("/v1/things", method="POST", headers=bearer("writer") | JSON, body="{}")
    environ["CONTENT_LENGTH"] = length
    started = testing.StartResponseMock()
    body = json.loads(b"".join(app.app(environ, started)))
    assert body["status"] in (400, 422)


def test_a_secret_in_a_body_is_in_no_answer(app: Tiny) -> None:
    key = KEYS["reader"]
    for body in ({key: 1}, {"name": key}, {"name": "x", "inner": {key: {key: key}}}, {"name": "x", "size": key}):
        answer = post(app, json.dumps(body))
        assert answer.status_code == 422
        assert key not in answer.text


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None))
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "size", "inner", "many", "depth"]) | st.text(), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(document=documents, name=st.none() | st.just("x"))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_of_any_shape_is_a_fault_of_ours(app: Tiny, document: Any, name: str | None) -> None:
    if isinstance(document, dict) and name:
        document["name"] = name
    app.clock.advance(1.5)
    app.replica.pull()
    answer = post(app, json.dumps(document))
    assert answer.status_code in (201, 400, 422)
    if answer.status_code != 201:
        problem(answer, answer.status_code, "invalid-request" if answer.status_code == 400 else "invalid-body")


@given(raw=st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_a_fault_of_ours(app: Tiny, raw: bytes) -> None:
    app.clock.advance(1.5)
    app.replica.pull()
    assert post(app, raw).status_code in (400, 422)
