"""The same application answers the same, byte for byte, under Falcon's test client, eventlet's server and Granian."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from tests.integration.web.tiny import KEYS, served
from tests.servers import free_port

ROOT = Path(__file__).parents[3]
READER, WRITER = KEYS["reader"], KEYS["writer"]
START_SECONDS_MAX = 20
COMPARED = (
    "content-type",
    "www-authenticate",
    "cache-control",
    "allow",
    "ratelimit",
    "ratelimit-policy",
    "x-request-id",
)


@dataclass(frozen=True)
class Request:
    name: str
    path: str = "/v1/things"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False

    def bytes(self) -> bytes:
        headers = [("Host", "api.example"), ("Connection", "close"), ("X-Request-Id", "r-1"), *self.headers]
        body = self.body
        if self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
            pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        elif body or self.method == "POST":
            headers.append(("Content-Length", str(len(body))))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body


def key(name: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {KEYS[name]}"


JSON = ("Content-Type", "application/json")
LARGE = json.dumps({"name": "x" * 70_000}).encode()
REQUESTS = [
    Request("a good one", headers=(key("reader"),)),
    Request("a key in the query", path=f"/v1/things/7?api_key={READER}"),
    Request("no key"),
    Request("two headers with one key each", headers=(key("reader"), key("writer"))),
    Request("two headers with the same key", headers=(key("reader"), key("reader"))),
    Request("two keys in the query", path=f"/v1/things?api_key={READER}&api_key={READER}"),
    Request("one in each", path=f"/v1/things?api_key={READER}", headers=(key("reader"),)),
    Request("a revoked key", headers=(key("revoked"),)),
    Request("a key for this very address", headers=(key("loopback"),)),
    Request("a key for another address", headers=(key("elsewhere"),)),
    Request("an unknown path", path="/v1/nothing"),
    Request("a key in the path", path=f"/v1/nothing/{READER}"),
    Request("an encoded key in the path", path=f"/v1/nothing/%67rl_{READER[4:]}"),
    Request("a key as a parameter's name", path=f"/v1/things?{READER}=1", headers=(key("reader"),)),
    Request("letters beyond ASCII", path="/v1/things/%C3%A9t%C3%A9?x=%C3%A9", headers=(key("reader"),)),
    Request("bytes that are no UTF-8", path="/v1/things/%FF%00%2F", headers=(key("reader"),)),
    Request("a slash at the end", path="/v1/things/", headers=(key("reader"),)),
    Request("a method that is not there", method="PATCH", headers=(key("reader"),)),
    Request("only the head", method="HEAD", headers=(key("reader"),)),
    Request("a method nobody knows", method="BREW", headers=(key("reader"),)),
    Request("what is allowed", method="OPTIONS"),
    Request("a body", method="POST", headers=(key("writer"), JSON), body=b'{"name": "x"}'),
    Request("a body in chunks", method="POST", headers=(key("writer"), JSON), body=b'{"name": "y"}', chunked=True),
    Request("no body", method="POST", headers=(key("writer"), JSON)),
    Request("a large body", method="POST", headers=(key("writer"), JSON), body=LARGE),
    Request("a large body in chunks", method="POST", headers=(key("writer"), JSON), body=LARGE, chunked=True),
    Request("a large body and no key", method="POST", headers=(JSON,), body=LARGE),
    Request("half a surrogate pair", method="POST", headers=(key("writer"), JSON), body=b'{"name": "\\ud800"}'),
    Request("a body without a type", method="POST", headers=(key("writer"),), body=b"{}"),
    Request("a handler that breaks", path="/v1/things/7", method="DELETE", headers=(key("reader"),)),
    Request("an open resource", path="/open"),
    Request("what it can do", path="/openapi.json"),
    Request("readiness", path="/readyz"),
]
Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What the application answers when no server stands before it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TINY_FOLDER", str(tmp_path_factory.mktemp("falcon")))
        client = testing.TestClient(served())
    return {request.name: _simulated(client, request) for request in REQUESTS}


@pytest.fixture(scope="module", params=["eventlet", "granian"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port() if request.param == "granian" else 0
    commands = {
        "eventlet": ["-m", "tests.integration.web.serve_under_eventlet"],
        "granian": [
            *("-m", "granian", "--interface", "wsgi", "--factory", "--port", str(port), "--workers", "1"),
            *("--log-level", "error", "tests.integration.web.tiny:served"),
        ],
    }
    folder = tmp_path_factory.mktemp(request.param)
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *commands[request.param]],
            cwd=ROOT,
            env=os.environ | {"TINY_FOLDER": str(folder)},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        if port == 0:
            assert process.stdout is not None
            port = int(process.stdout.readline())
        try:
            _wait_until_it_listens(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(START_SECONDS_MAX)
    assert READER[4:40] not in (folder / "errors").read_text()
    assert WRITER[4:40] not in (folder / "errors").read_text()


def test_a_server_changes_nothing_of_an_answer(port: int, expected: dict[str, Answer]) -> None:
    """All in one order, for each answer says how much is left."""
    for request in REQUESTS:
        assert _asked(port, request) == expected[request.name], request.name


def test_no_answer_of_these_is_a_fault_of_ours_but_the_one_that_was_made_to_be(expected: dict[str, Answer]) -> None:
    assert [name for name, (status, _, _) in expected.items() if status >= 500] == ["a handler that breaks"]


def _simulated(client: testing.TestClient, request: Request) -> Answer:
    path, _, query = request.path.partition("?")
    headers: dict[str, str] = {"X-Request-Id": "r-1"}
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    answer = client.simulate_request(
        request.method, path, query_string=query, headers=headers, body=request.body or None
    )
    return _compared(
        answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content
    )


def _asked(port: int, request: Request) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.bytes())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return _compared(int(first.split(" ")[1]), headers, body)


def _compared(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """What must be the same. Seconds that pass are not: t in RateLimit."""
    kept = {name: re.sub("t=[0-9]+", "t=…", headers[name]) for name in COMPARED if name in headers}
    return status, kept, json.loads(body) if body else None


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nothing listens on port {port}")
