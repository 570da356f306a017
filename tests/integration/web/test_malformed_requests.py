"""The embedded server and what is no request of HTTP/1.1 (RFC 9112): refused as a problem that quotes nothing of it."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.web.test_slow_callers import connect, serving
from tests.integration.web.tiny import KEYS, PUBLIC_URL

KEY = KEYS["writer"]
AUTHORISED = f"Host: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
GOOD = f"GET /v1/things HTTP/1.1\r\n{AUTHORISED}Connection: close\r\n\r\n"


def get(line: str = "GET /v1/things HTTP/1.1", fields: str = AUTHORISED) -> str:
    return f"{line}\r\n{fields}\r\n"


def post(fields: str, body: str = '{"name": "x"}') -> str:
    return f"POST /v1/things HTTP/1.1\r\n{AUTHORISED}{fields}\r\n{body}"


def chunked(body: str) -> str:
    return post("Transfer-Encoding: chunked\r\n", body)


REFUSED = {
    # The request line: RFC 9112, 3
    "no version": (400, get("GET /v1/things")),
    "a space in the target": (400, get(f"GET /v1/things?api_key={KEY} x HTTP/1.1")),
    "a space at the end": (400, get("GET /v1/things HTTP/1.1 ")),
    "two spaces": (400, get("GET  /v1/things HTTP/1.1")),
    "a tab": (400, get("GET\t/v1/things\tHTTP/1.1")),
    "a space before": (400, get(" GET /v1/things HTTP/1.1")),
    "a key as the version": (400, get(f"GET /v1/things {KEY}")),
    "a key as the line": (400, get(KEY)),
    "a method that is no token": (400, get(f"GET/{KEY} /v1/things HTTP/1.1")),
    "a target that is no path": (400, get(f"GET {KEY} HTTP/1.1")),
    "a fragment": (400, get(f"GET /v1/things#{KEY} HTTP/1.1")),
    "a URL with a password": (400, get(f"GET http://u:{KEY}@x/v1/things HTTP/1.1")),
    "letters that no URL has": (400, get("GET /v1/été HTTP/1.1")),
    "a letter case of its own": (400, get("GET /v1/things http/1.1")),
    "a version of two digits": (400, get("GET /v1/things HTTP/1.10")),
    "version 3": (505, get(f"GET /v1/things?api_key={KEY} HTTP/3.0")),
    "version 2": (505, get("GET /v1/things HTTP/2.0")),
    "version 0.9": (505, get("GET /v1/things HTTP/0.9")),
    "a long target": (414, get(f"GET /v1/things?api_key={KEY}&x={'x' * 9000} HTTP/1.1")),
    # Fields: RFC 9112, 5
    "a space before the colon": (400, get(fields=f"{AUTHORISED}X-A : {KEY}\r\n")),
    "a folded line": (400, get(fields=f"{AUTHORISED}X-A: 1\r\n {KEY}\r\n")),
    "a first line folded": (400, get(fields=f" X-A: {KEY}\r\n{AUTHORISED}")),
    "no colon": (400, get(fields=f"{AUTHORISED}{KEY}\r\n")),
    "no name": (400, get(fields=f"{AUTHORISED}: {KEY}\r\n")),
    "a name that is no token": (400, get(fields=f"{AUTHORISED}X({KEY}): 1\r\n")),
    "a NUL": (400, get(fields=f"{AUTHORISED}X-A: {KEY}\0\r\n")),
    "a bare CR": (400, get(fields=f"{AUTHORISED}X-A: 1\rX-B: {KEY}\r\n")),
    "a bare LF": (400, get(fields=f"{AUTHORISED}X-A: 1\nX-B: {KEY}\r\n")),
    "a long header": (431, get(fields=f"{AUTHORISED}X-A: {KEY}{'x' * 9000}\r\n")),
    "long headers": (431, get(fields=AUTHORISED + "".join(f"X-{n}: {'x' * 8000}\r\n" for n in range(10)))),
    "many headers": (431, get(fields=AUTHORISED + f"X-A: {KEY}\r\n" * 150)),
    # Host: RFC 9112, 3.2
    "no Host": (400, get(fields=f"Authorization: Bearer {KEY}\r\n")),
    "two Hosts": (400, get(fields=f"{AUTHORISED}Host: y\r\n")),
    "a Host with a space": (400, get(fields=f"Host: x {KEY}\r\nAuthorization: Bearer {KEY}\r\n")),
    "a Host with a path": (400, get(fields=f"Host: x/{KEY}\r\nAuthorization: Bearer {KEY}\r\n")),
    # The body's length: RFC 9112, 6
    "two lengths": (400, post("Content-Length: 13\r\nContent-Length: 14\r\n")),
    "twice the same length": (400, post("Content-Length: 13\r\nContent-Length: 13\r\n")),
    "a list of lengths": (400, post("Content-Length: 13, 13\r\n")),
    "a length with a sign": (400, post("Content-Length: +13\r\n")),
    "a negative length": (400, post("Content-Length: -13\r\n")),
    "a length with an underscore": (400, post("Content-Length: 1_3\r\n")),
    "a length in another script": (400, post("Content-Length: ١٣\r\n")),
    "a length of nothing": (400, post("Content-Length:\r\n")),
    "a length in hexadecimal": (400, post("Content-Length: 0xd\r\n")),
    "a length of thirty digits": (400, post(f"Content-Length: {'9' * 30}\r\n")),
    "a length and chunks": (400, post("Content-Length: 13\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    "another coding": (400, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
    "two codings": (400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    "a coding that is none": (400, post("Transfer-Encoding: identity\r\n", "")),
    "chunks in HTTP/1.0": (
        400,
        chunked("0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"),
    ),
    # Chunks: RFC 9112, 7.1
    "a chunk's size with a sign": (400, chunked('+d\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk's size below zero": (400, chunked('-d\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk's size with an underscore": (400, chunked('0_d\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk's size in Python": (400, chunked('0xd\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk's size after a space": (400, chunked(' d\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "no chunk's size": (400, chunked(f";x={KEY}\r\n\r\n")),
    "a key as a chunk's size": (400, chunked(f"{KEY}\r\n\r\n")),
    "a huge chunk": (400, chunked("fffffffffffffffff\r\n\r\n")),
    "a chunk longer than it says": (400, chunked('c\r\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk's line that ends in LF": (400, chunked('d\n{"name": "x"}\r\n0\r\n\r\n')),
    "a chunk that ends in LF": (400, chunked('d\r\n{"name": "x"}\n0\r\n\r\n')),
    "a chunk's long extension": (400, chunked(f'd;x={KEY}{"x" * 5000}\r\n{{"name": "x"}}\r\n0\r\n\r\n')),
    "a trailer that never ends": (400, chunked('d\r\n{"name": "x"}\r\n0\r\n' + "X-A: 1\r\n" * 200 + "\r\n")),
}
TAKEN = {
    "an empty line before": (200, "\r\n" + get()),
    "HTTP/1.0 without Host": (200, get("GET /v1/things HTTP/1.0", f"Authorization: Bearer {KEY}\r\n")),
    "a later minor version": (200, get("GET /v1/things HTTP/1.2")),
    "a whole URL": (200, get("GET http://api.example/v1/things HTTP/1.1")),
    "no space behind the colon": (200, get(fields=f"Host:x\r\nAuthorization:Bearer {KEY}\r\n")),
    "tabs around a value": (200, get(fields=f"Host:\t[::1]:80\t\r\nAuthorization: Bearer {KEY}\t\r\n")),
    "an empty Host": (200, get(fields=f"Host:\r\nAuthorization: Bearer {KEY}\r\n")),
    "a length": (201, post("Content-Length: 13\r\n")),
    "chunks": (201, chunked('6\r\n{"name\r\n7;a=b\r\n": "x"}\r\n0\r\nX-A: 1\r\n\r\n')),
    "a size with zeros before it, in capitals": (201, chunked('0000000D\r\n{"name": "x"}\r\n0\r\n\r\n')),
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("tiny")) as port:
        yield port


def asked(port: int, request: str) -> tuple[int, dict[str, str], bytes]:
    """The first answer: status, headers, and what follows them to the end of the connection."""
    with connect(port) as connection:
        connection.sendall(request.encode() + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {line.split(":")[0].lower(): line.split(": ")[1] for line in lines}, body


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_and_nothing_of_it_is_quoted(port: int, name: str) -> None:
    expected, request = REFUSED[name]
    # Whatever was sent behind it is no request of its own: the connection ends with the refusal.
    status, headers, body = asked(port, request + GOOD)
    problem = json.loads(body)
    assert (status, problem["status"], headers["content-type"]) == (expected, expected, "application/problem+json")
    assert problem["type"].startswith(f"{PUBLIC_URL}/problems/")
    assert problem["request_id"] == headers["x-request-id"] != ""
    assert KEY[4:20] not in f"{headers}{problem}"


@pytest.mark.parametrize("name", TAKEN)
def test_what_may_look_odd_and_is_a_request_is_answered(port: int, name: str) -> None:
    expected, request = TAKEN[name]
    status, _, _ = asked(port, request)
    assert status == expected


def test_a_refusal_of_the_server_s_own_has_the_id_that_the_caller_sent(port: int) -> None:
    line = "GET /v1/things HTTP/3.0"
    assert asked(port, get(line, f"{AUTHORISED}X-Request-Id: mine-1\r\n"))[1]["x-request-id"] == "mine-1"
    for given in (KEY, "two words", "x" * 200):
        assert asked(port, get(line, f"{AUTHORISED}X-Request-Id: {given}\r\n"))[1]["x-request-id"].startswith("req_")


def test_a_connection_goes_on_after_a_body_in_chunks(port: int, tmp_path: Path) -> None:
    _, _, rest = asked(port, TAKEN["chunks"][1] + GOOD)
    assert b"HTTP/1.1 200 OK" in rest


def test_the_answer_arrives_though_the_caller_goes_on_sending(port: int) -> None:
    status, _, _ = asked(port, get(fields=AUTHORISED + f"X-A: {'x' * 100_000}\r\n" * 5))
    assert status == 431
