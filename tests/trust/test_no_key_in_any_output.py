"""Malformed requests with a key in every place, at every kind of door: then no key in any answer, output or file."""

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.running import Distributed, Embedded
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

_FILLED = "x" * 9000
_MANY = 150
_WAITS_SECONDS, _ENDS_SECONDS = 0.5, 20.0


def requests(key: str) -> Iterator[str]:
    """Whole and unfinished ones, malformed in each way that a server answers by itself, and some that reach it."""
    host, bearer = "Host: x\r\nConnection: close\r\n", f"Authorization: Bearer {key}\r\n"
    for line in (
        f"GET /v1/sensors?api_key={key} HTTP/3.0",
        f"GET /v1/sensors?api_key={key} HTTP/9",
        f"GET /v1/sensors?api_key={key} and more HTTP/1.1",
        f"GET /v1/sensors/{key} x HTTP/1.1",
        f"GET /v1/sensors?api_key={key}",
        f"GET /v1/sensors?api_key={key}&x={_FILLED} HTTP/1.1",
        f"GET /v1/sensors?api_key={key}%zz HTTP/1.1",
        f"GET /v1/sensors?api_key={key}\x01 HTTP/1.1",
        f"GET {key} HTTP/1.1",
        f"GET /{key} HTTP/1.1",
        f"GET /v1/keys/{key} HTTP/1.1",
        f"GET http://{key}/v1/sensors HTTP/1.1",
        f"GET /v1/sensors {key}",
        f"GET /v1/sensors HTTP/{key}",
        f"{key} /v1/sensors HTTP/1.1",
        f"{key}",
        f"POST /v1/keys?api_key={key} HTTP/1.1",
        f"CONNECT {key}:443 HTTP/1.1",
        f"OPTIONS {key} HTTP/1.1",
        f"GET /console/keys/{key} HTTP/3.0",
        f"GET /console/keys/{key} x HTTP/1.1",
        f"GET /console/keys?q={key}&language={key} HTTP/1.1",
        f"GET /console/link/{key} HTTP/1.1",
        f"POST /console/link/{key} HTTP/1.1",
        f"GET /console/sign-in?next=/console/keys/{key} HTTP/1.1",
        f"GET /console/{key} HTTP/1.1",
        f"GET /profil/{key} HTTP/1.1",
    ):
        yield f"{line}\r\n{host}{bearer}\r\n"
    for fields in (
        f"{key}: 1\r\n",
        f"{key}\r\n",
        f"{key} : 1\r\n",
        f"X-A : {key}\r\n",
        f": {key}\r\n",
        f"X-A: 1\r\n {key}\r\n",
        f"X({key}): 1\r\n",
        f"X-A: {key}\0\r\n",
        f"X-A: {key}\rX-B: {key}\r\n",
        f"X-A: {key}\nX-B: {key}\r\n",
        f"X-A: {key}{_FILLED}\r\n",
        f"{key}: {_FILLED}\r\n" * 20,
        f"X-A: {key}\r\n" * _MANY,
        f"Host: {key}\r\n",
        f"Host: {key} {key}\r\n",
        f"Content-Length: {key}\r\n",
        f"Transfer-Encoding: {key}\r\n",
        f"Transfer-Encoding: chunked\r\nContent-Length: {key}\r\n",
        f"Expect: {key}\r\n",
        f"Connection: {key}\r\n",
        f"Upgrade: {key}\r\n",
        f"Range: {key}\r\n",
        f"X-Request-Id: {key}\r\n",
        f"Referer: http://x/?api_key={key}\r\nUser-Agent: {key}\r\nCookie: {key}\r\n",
        f"X-Forwarded-For: {key}\r\nX-Original-URI: {key}\r\nX-Forwarded-Uri: /?api_key={key}\r\n",
        f"Idempotency-Key: {key}\r\nIf-Match: {key}\r\nAccept: {key}\r\nAccept-Language: {key}\r\nOrigin: {key}\r\n",
    ):
        for method, path in (
            ("GET", "/v1/sensors"),
            ("POST", "/v1/keys"),
            ("GET", f"/v1/authorize?api_key={key}"),
            ("POST", f"/console/keys/{key}"),
        ):
            yield f"{method} {path} HTTP/1.1\r\n{host}{bearer}{fields}\r\n"
    yield f"GET /v1/sensors HTTP/1.1\r\n{bearer}\r\n"
    json = "Content-Type: application/json\r\n"
    for framing, body in (
        ("Content-Length: 9\r\nContent-Length: 60\r\n", key),
        ("Content-Length: +60\r\n", key),
        ("Content-Length: 6_0\r\n", key),
        ("Content-Length: 53\r\n", key),
        ("Content-Length: 500\r\n", key),
        (f"Content-Length: {len(key) + 15}\r\n", f'{{"name": 1, "{key}'),
        (f"Content-Length: {len(key) + 7}\r\n", f'{{"{key}": 1}}'[: len(key) + 7]),
        ("Content-Length: 100000\r\n", key.ljust(100_000)),
        ("Content-Length: 1000000000\r\n", key),
        ("Transfer-Encoding: chunked\r\n", f"{key}\r\n{key}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"5;x={key}\r\nabcde\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"5;x={key}{_FILLED}\r\nabcde\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"+35\r\n{key}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"3_5\r\n{key}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"5\r\n{key}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", f"35\r\n{key}\r\n0\r\n{key}: {key}\r\n{key}\r\n\r\n"),
    ):
        yield f"POST /v1/keys HTTP/1.1\r\n{host}{bearer}{json}{framing}\r\n{body}"
        yield f"GET /v1/sensors?api_key={key} HTTP/1.1\r\n{host}{json}{framing}\r\n{body}"
    form = f"language={key}&name={key}&q={key}"
    framing = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
    for path in ("/console/keys/new", "/console/preferences", "/console/sign-out", f"/console/keys/{key}/revoke"):
        for origin in ("", f"Origin: http://{key}\r\n"):
            yield f"POST {path} HTTP/1.1\r\n{host}Cookie: grillo_session={key}\r\n{origin}{framing}\r\n{form}"


def internal_requests(key: str) -> Iterator[str]:
    yield from requests(key)
    for path in (f"/internal/feed?gate={key}", f"/internal/gates/{key}", f"/{key}", f"/metrics?api_key={key}"):
        for version in ("1.1", "3.0"):
            yield f"DELETE {path} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
            yield f"GET {path} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"


def answer(url: str, request: str) -> bytes:
    """All that the door says before it closes; where it waits for more, it is told that there is no more."""
    place = urlsplit(url)
    received = b""
    connection = socket.create_connection((place.hostname or "", place.port or 0), timeout=_WAITS_SECONDS)
    # Each may be closed in the middle, or reset: what was answered before that counts.
    with connection, contextlib.suppress(OSError):
        connection.sendall(request.encode("latin-1"))
        while True:
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(_ENDS_SECONDS)
                piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    return received


class Pieces:
    """A key, and every part of it that is long enough to be of use."""

    def __init__(self, key: str) -> None:
        self._pieces = {key[at : at + 12].encode() for at in range(4, len(key) - 12)}

    def are_in(self, text: bytes) -> bool:
        return any(piece in text for piece in self._pieces)


def files_with(pieces: Pieces, folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and pieces.are_in(path.read_bytes())]


def told_by(doors: dict[str, str], key: str) -> list[tuple[str, str]]:
    """(door, first line) of each request that had the key, or a part of it, in its answer.

    Many wait until the door gives up: the internal doors are asked at once. The public ones count together what a key
    asks, so these are asked in turn.
    """
    turns = [[door] for door in doors if "internal" in door]
    turns.append([door for door in doors if "internal" not in door])
    pieces = Pieces(key)

    def told_in(turn: list[str]) -> list[tuple[str, str]]:
        return [
            (door, request.partition("\r\n")[0].replace(key, "KEY")[:80])
            for door in turn
            for request in (internal_requests(key) if "internal" in door else requests(key))
            if pieces.are_in(answer(doors[door], request))
        ]

    with ThreadPoolExecutor(len(turns)) as pool:
        return [told for found in pool.map(told_in, turns) for told in found]


def test_embedded_says_writes_and_keeps_no_key(tmp_path: Path) -> None:
    folder = tmp_path / "kept"  # for the data, and for what is written on standard error
    folder.mkdir()
    with Embedded(folder / "data") as running:
        _, key = running.create_key("sensors:read")
        doors = {"public": running.url, "internal": running.internal_url}
        assert told_by(doors, key) == []
        with running.client(key) as client:
            assert client.get("/v1/sensors").status_code == 200  # it lives, and was not ended by any of that
        assert not Pieces(key).are_in(running.metrics().encode())
    assert files_with(Pieces(key), folder) == []


@pytest.mark.xdist_group("distributed")
def test_distributed_says_writes_and_keeps_no_key(
    tmp_path: Path, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis
) -> None:
    stack = Stack(tmp_path, postgres, rabbitmq, redis)
    try:
        running = Distributed(stack)
        _, key = running.create_key("sensors:read")
        doors = {"front": running.url}
        for service in ("keys", "auth", "usage", "sensors"):
            doors |= {service: stack.public_url(service), f"{service} internal": stack.internal_url(service)}
        doors["console"] = stack.public_url("console")
        assert told_by(doors, key) == []
        with running.client(key) as client:
            assert client.get("/v1/sensors").status_code == 200
        assert not Pieces(key).are_in(running.metrics().encode())
    finally:
        stack.close()
    assert files_with(Pieces(key), tmp_path) == []
