"""One request is told of, in one way, and what is recorded of it holds no key and no query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.forwarded_request import (
    PATH_CHARACTERS_MAX,
    ForwardedRequest,
    ForwardedRequests,
    ForwardedRequestUnreadable,
)
from shared.observability.redaction import redact
from tests.gate_examples import SECRET

ENCODED = f"%67rl_{SECRET[4:]}"


def read(**headers: str) -> ForwardedRequest:
    """By names as Python writes them."""
    told = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return ForwardedRequests().read(lambda name: told.get(name.lower()))


def original(uri: str, method: str = "GET") -> ForwardedRequest:
    return read(x_original_method=method, x_original_uri=uri)


def test_each_dialect_tells_the_same() -> None:
    expected = ForwardedRequest(method="PUT", path="/tiles/7", query_keys=())
    assert read(x_original_method="PUT", x_original_uri="/tiles/7?a=1") == expected
    assert read(x_forwarded_method="PUT", x_forwarded_uri="/tiles/7?a=1", x_forwarded_host="example") == expected
    both = {"x_forwarded_method": "PUT", "x_forwarded_uri": "/tiles/7?a=1"}
    assert read(x_original_method="PUT", x_original_uri="/tiles/7?a=1", **both) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_original_uri": "/"},
        {"x_original_method": "GET"},
        {"x_original_method": "GET", "x_original_uri": ""},
        {"x_original_method": "GET", "x_forwarded_uri": "/"},
        {"x_original_method": "GET", "x_original_uri": "/", "x_forwarded_uri": "/"},
        {"x_original_method": "GET", "x_original_uri": "/", "x_forwarded_method": "PUT", "x_forwarded_uri": "/"},
        {"x_original_method": "GET", "x_original_uri": "/", "x_forwarded_method": "GET", "x_forwarded_uri": "/b"},
        {"x_original_method": "GET,PUT", "x_original_uri": "/"},
        {"x_original_method": "get", "x_original_uri": "/"},
        {"x_original_method": "G" * 17, "x_original_uri": "/"},
        {"x_original_method": "GET", "x_original_uri": "tiles"},
        {"x_original_method": "GET", "x_original_uri": "http://elsewhere/"},
    ],
)
def test_what_is_told_by_halves_or_differently_is_no_request(headers: dict[str, str]) -> None:
    with pytest.raises(ForwardedRequestUnreadable):
        read(**headers)


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", ()),
        (f"api_key={SECRET}", (SECRET,)),
        (f"a=1&api_key={SECRET}&b=2", (SECRET,)),
        (f"api_key={ENCODED}", (SECRET,)),
        (f"api_key={SECRET}&api_key=x", (SECRET, "x")),
        ("api_key=", ("",)),
        ("api_key", ("",)),
        ("my_api_key=1&api_keys=2", ()),
    ],
)
def test_the_credential_in_the_query_is_found_wherever_it_stands(query: str, keys: tuple[str, ...]) -> None:
    assert original(f"/tiles?{query}") == ForwardedRequest(method="GET", path="/tiles", query_keys=keys)


@pytest.mark.parametrize(
    "uri",
    [f"/{SECRET}", f"/a/{ENCODED}/b", f"/?key={SECRET}", f"/?{ENCODED}=1", f"/?api%5Fkey={SECRET}", f"/?{SECRET}"],
)
def test_a_key_that_no_proxy_would_take_out_is_refused_before_it_travels_on(uri: str) -> None:
    with pytest.raises(ForwardedRequestUnreadable) as refused:
        original(uri)
    assert SECRET[4:30] not in str(refused.value)


@given(st.text(st.characters(max_codepoint=255)), st.sampled_from([SECRET, ENCODED, ""]))
def test_what_is_recorded_is_short_ascii_without_a_key_whatever_was_sent(path: str, key: str) -> None:
    try:
        recorded = original(f"/{path}{key}").path
    except ForwardedRequestUnreadable:
        assert key
        return
    assert len(recorded) <= PATH_CHARACTERS_MAX
    assert recorded.isascii()
    assert recorded.isprintable()
    assert redact(recorded) == recorded


def test_a_path_keeps_its_meaning_in_the_record() -> None:
    assert original("/caf%C3%A9/a%2Fb%00").path == "/caf%C3%A9/a/b%00"
    assert original("/caf\u00c3\u00a9").path == "/caf%C3%A9"
    assert original("/" + "x" * 200).path == "/" + "x" * 99


def test_a_path_that_is_read_again_is_read_as_before_and_a_key_in_it_is_refused_as_before() -> None:
    requests = ForwardedRequests()

    def again(uri: str) -> ForwardedRequest:
        told = {"X-Original-Method": "GET", "X-Original-URI": uri}
        return requests.read(told.get)

    of_path = ForwardedRequest(method="GET", path="/caf%C3%A9", query_keys=())
    assert [again("/caf%C3%A9") for _ in range(2)] == [of_path] * 2
    keys = [again(f"/tiles?api_key={key}").query_keys for key in (SECRET, "another")]
    assert keys == [(SECRET,), ("another",)]
    for _ in range(2):
        with pytest.raises(ForwardedRequestUnreadable):
            again(f"/{SECRET}")
