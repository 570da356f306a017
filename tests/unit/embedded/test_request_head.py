"""The parser of request heads: by RFC 9112's letter, whatever the bytes, and without a word of them in its refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.embedded.request_head import read_head, request_id_of
from shared.web.problems.catalogue import Problem

HOST = b"Host: x\r\n"
# Bytes that heads are made of come often, so that many of these heads are almost right.
BYTES = st.one_of(
    st.sampled_from([b"GET", b" ", b"/a", b"HTTP/1.1", b"\r", b"\n", b":", b"X", b"1", b"+"]), st.binary()
)
LINES = st.lists(BYTES, max_size=8).map(lambda pieces: b"".join(pieces) + b"\r\n")


def test_a_head_is_read_as_it_stands() -> None:
    head = read_head(b"POST /a?b=c HTTP/1.1\r\n", [HOST, b"X-A:\t 1, 2 \r\n", b"Content-Length: 7\r\n"])
    assert (head.method, head.target, head.version) == ("POST", "/a?b=c", "HTTP/1.1")
    assert head.fields == (("Host", "x"), ("X-A", "1, 2"), ("Content-Length", "7"))
    assert (head.content_length, head.is_chunked, head.closes) == (7, False, False)


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"http://api.example/a?b", "api.example", "/a?b"),
        (b"HTTP://api.example:80", "api.example:80", "/"),
        (b"https://[::1]?b=c", "[::1]", "/?b=c"),
        (b"/a//b", "x", "/a//b"),
    ],
)
def test_the_authority_of_a_whole_url_stands_for_host(target: bytes, host: str, path: str) -> None:
    head = read_head(b"GET %s HTTP/1.1\r\n" % target, [HOST])
    assert (head.target, dict(head.fields)["Host"]) == (path, host)


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [
        (b"HTTP/1.1", b"", False),
        (b"HTTP/1.1", b"Connection: Close\r\n", True),
        (b"HTTP/1.1", b"Connection: keep-alive, close\r\n", True),
        (b"HTTP/1.0", b"", True),
        (b"HTTP/1.0", b"Connection: Keep-Alive\r\n", False),
    ],
)
def test_a_connection_goes_on_as_version_and_options_say(version: bytes, connection: bytes, closes: bool) -> None:
    lines = [HOST, connection] if connection else [HOST]
    assert read_head(b"GET / %s\r\n" % version, lines).closes is closes


@given(LINES, st.lists(LINES, max_size=4))
def test_whatever_the_bytes_they_are_a_head_or_a_refusal_that_quotes_nothing(line: bytes, fields: list[bytes]) -> None:
    secret, told = b"Zz9Zz9Zz9", ""
    try:
        head = read_head(line.replace(b"X", secret), [field.replace(b"X", secret) for field in fields])
    except Problem as problem:
        told = f"{problem} {problem.headers} {problem.body(public_url='', instance=None, request_id='')}"
    else:
        assert head.target.startswith("/") or head.target == "*"
        assert "host" in {name.lower() for name, _ in head.fields} or head.version == "HTTP/1.0"
        assert head.content_length is None or (head.content_length >= 0 and not head.is_chunked)
    assert secret.decode() not in told


def test_the_id_of_a_malformed_request_is_told_if_there_is_one() -> None:
    assert request_id_of([b"x-request-id:  mine \r\n", b"no colon\r\n"]) == "mine"
    assert request_id_of([b"X-Request-Id: a\r\n", b"X-Request-Id: b\r\n"]) is None
    assert request_id_of([]) is None
