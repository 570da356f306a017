"""The configurations of ops/ in real proxies, before a dummy service and beside a running gate: what each caller sees.

Traefik is in no package registry: what it sends is tested by HTTP, from the configuration that it would load.
"""

import ipaddress
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import httpx
import pytest

from services.auth import api as auth_api
from shared.web.application import application
from shared.web.requests.client_address import TrustedProxies
from tests import local_http
from tests.integration.web.asking import QUOTA_EXCEEDED, bearer
from tests.integration.web.tiny import KEYS, PUBLIC_URL, Tiny, tiny
from tests.proxies import Proxy, Upstream, envoy, nginx
from tests.servers import free_port

OPS = Path(__file__).parents[2] / "ops"
READER = KEYS["reader"]
CALLER = "127.0.0.9"
# Envoy appends the address of some interface of this machine to X-Forwarded-For; nobody else is here.
KEY_SENT = KEYS["reader"]
OURS = TrustedProxies(list(ipaddress.IPv4Network("0.0.0.0/0").address_exclude(ipaddress.IPv4Network(CALLER))))


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Scene:
    """A proxy, the gate it asks, and the service behind it."""

    def __init__(
        self, proxy: Proxy, app: Tiny, upstream: Upstream, stop_auth: Callable[[], None], *, passes_on_503: bool
    ) -> None:
        self.proxy, self.app, self.upstream, self.stop_auth = proxy, app, upstream, stop_auth
        self.passes_on_503 = passes_on_503
        app.recorded()
        self._known = len(app.recorded())

    def ask(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
        transport = httpx.HTTPTransport(verify=local_http.TRUSTS_NOBODY, local_address=CALLER)
        with local_http.client(base_url=self.proxy.url, transport=transport, timeout=10) as client:
            return client.request(method, path, headers=headers)

    def recorded(self) -> list[list[Any]]:
        """Since the proxy was ready."""
        return self.app.recorded()[self._known :]


@pytest.fixture(params=["nginx", "envoy"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    app, upstream, port = tiny(tmp_path / "spool"), Upstream(), free_port()
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(_auth(app))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    places = {"auth": server.server_port, "protected": upstream.port}
    start = _nginx if request.param == "nginx" else _envoy
    with start(tmp_path, port, places) as proxy:
        upstream.lines.clear()
        upstream.headers.clear()
        yield Scene(proxy, app, upstream, server.server_close, passes_on_503=request.param == "nginx")
    server.shutdown()
    server.server_close()
    upstream.close()


def _auth(app: Tiny) -> Any:
    routes = auth_api.routes(OURS)
    return application("auth", routes, app.gate, app.clock, public_url=PUBLIC_URL, is_ready=lambda: True, proxies=OURS)


def _nginx(folder: Path, port: int, places: dict[str, int]) -> Proxy:
    text = (OPS / "nginx/forward-auth.conf").read_text().replace("listen 8080;", f"listen 127.0.0.1:{port};")
    text = text.replace("auth:8000", f"127.0.0.1:{places['auth']}")
    return nginx(folder, text.replace("protected:8080", f"127.0.0.1:{places['protected']}"), port)


def _envoy(folder: Path, port: int, places: dict[str, int]) -> Proxy:
    text = (OPS / "envoy/forward-auth.yaml").read_text()
    for place, its in {"0.0.0.0, port_value: 8080": port, "auth, port_value: 8000": places["auth"]}.items():
        text = text.replace(f"address: {place}", f"address: 127.0.0.1, port_value: {its}")
    text = text.replace("protected, port_value: 8080", f"127.0.0.1, port_value: {places['protected']}")
    return envoy(folder, text, port)


def test_a_key_that_may_reaches_the_service_as_who_it_is_and_is_counted_once(scene: Scene) -> None:
    spoofed = {
        "X-Grillo-Key-Id": "key_other",
        "X-Grillo-Organisation": "org_other",
        "X-Grillo-Permissions": "admin",
        "X-Original-Method": "GET",
        "X-Original-URI": "/open",
        "X-Forwarded-For": "198.51.100.1",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/open",
    }
    answer = scene.ask("/tiles/7?zoom=3", spoofed | bearer("writer") | {"User-Agent": "probe"}, "POST")
    assert answer.status_code == 200
    (line,), (headers,) = scene.upstream.lines, scene.upstream.headers
    assert line == "POST /tiles/7?zoom=3 HTTP/1.1"
    assert headers["x-grillo-key-id"] == "key_2"
    assert headers["x-grillo-organisation"] == "org_railway"
    assert headers["x-grillo-permissions"] == "config:write sensors:read"
    (record,) = scene.recorded()
    assert record[2:8] == ["key_2", "org_railway", "POST", "/tiles/7", 200, 1]
    assert record[10:12] == [CALLER, "probe"]
    assert answer.headers["RateLimit"].startswith('"minute";r=59;')
    assert answer.headers["RateLimit-Policy"].startswith('"minute";q=60;')
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("60", "59")
    assert "private" in answer.headers["Cache-Control"]


def test_a_name_that_only_looks_like_one_of_ours_reaches_nobody(scene: Scene) -> None:
    """To most servers, WSGI's among them, X_Grillo_Key_Id and X-Grillo-Key-Id are one header."""
    scene.ask("/tiles", bearer("reader") | {"X_Grillo_Key_Id": "key_other", "X_Original_URI": "/open"})
    scene.ask("/tiles", bearer("reader"))
    assert not any("_" in name for headers in scene.upstream.headers for name in headers)
    assert {record[5] for record in scene.recorded()} == {"/tiles"}


@pytest.mark.parametrize(
    ("name", "status", "problem", "challenge"),
    [
        (None, 401, "missing-credentials", 'Bearer realm="grillo"'),
        ("revoked", 401, "key-revoked", 'Bearer realm="grillo", error="invalid_token"'),
        ("elsewhere", 403, "address-not-allowed", None),
    ],
)
def test_a_refusal_reaches_the_caller_whole_and_the_service_not_at_all(
    scene: Scene, name: str | None, status: int, problem: str, challenge: str | None
) -> None:
    answer = scene.ask("/tiles/7", bearer(name) if name else {})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"{PUBLIC_URL}/problems/{problem}"
    assert answer.json()["instance"] == "/tiles/7"
    assert answer.headers.get_list("WWW-Authenticate") == ([challenge] if challenge else [])
    assert "Retry-After" not in answer.headers
    assert scene.upstream.lines == []
    assert [record[6:8] for record in scene.recorded()] == [[status, 0]]


def test_a_limit_is_counted_exactly_and_the_caller_is_told_when_to_come_back(scene: Scene) -> None:
    answers = [scene.ask("/tiles", bearer("small")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert answers[-1].headers["RateLimit"].startswith('"minute";r=0;')
    assert answers[-1].json()["type"] == QUOTA_EXCEEDED
    assert len(scene.upstream.lines) == 2
    assert [record[7] for record in scene.recorded()] == [1, 1, 0]


def test_a_gate_that_cannot_be_sure_and_one_that_is_gone_let_nobody_pass_and_everybody_come_back(scene: Scene) -> None:
    def refused(key: str) -> str:
        answer = scene.ask("/tiles", bearer(key))
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert re.fullmatch("[1-9]", answer.headers["Retry-After"])
        assert answer.json()["status"] == 503
        title: str = answer.json()["title"]
        return title

    titles = [refused("parked")]
    scene.app.clock.advance(300)
    titles.append(refused("reader"))
    scene.stop_auth()
    titles.append(refused("reader"))
    of_grillo = ["This cannot be answered right now", "API keys cannot be checked right now"]
    of_proxy = "Keys cannot be checked right now"
    # To Envoy a 503 is a failure like any other.
    assert titles == ([*of_grillo, of_proxy] if scene.passes_on_503 else [of_proxy] * 3)
    assert scene.upstream.lines == []


@pytest.mark.parametrize(
    ("query", "sent_on"),
    [
        (f"?api_key={READER}", ""),
        (f"?api_key={READER}&zoom=3", "?zoom=3"),
        (f"?zoom=3&api_key={READER}&layer=%2F", "?zoom=3&layer=%2F"),
        (f"?zoom=3&api_key={READER}", "?zoom=3"),
        (f"?b=2&api_key={READER}&a=1%26admin=1&a=%2B+&c", "?b=2&a=1%26admin=1&a=%2B+&c"),
        (f"?my_api_key=1&api_key=%67rl_{READER[4:]}", "?my_api_key=1"),
    ],
)
def test_a_key_in_the_query_opens_and_goes_no_further(scene: Scene, query: str, sent_on: str) -> None:
    answer = scene.ask(f"/a%2Fb{query}", {"Referer": f"https://page.example/?api_key={READER}"})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert scene.upstream.lines == [f"GET /a%2Fb{sent_on} HTTP/1.1"]
    assert READER[4:30] not in scene.upstream.written() + scene.proxy.written()


@pytest.mark.parametrize(
    "path",
    [
        f"/tiles?api%5Fkey={READER}",
        f"/{READER}?api_key={READER}",
        f"/tiles?key=%67rl_{READER[4:]}&api_key={READER}",
        f"/tiles?api_key={READER}&api_key={READER}",
        f"/tiles?api_key={READER}&api%5fkey={READER}",
    ],
)
def test_a_key_that_would_go_further_is_refused(scene: Scene, path: str) -> None:
    answer = scene.ask(path)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert scene.upstream.lines == []
    assert READER[4:30] not in scene.proxy.written() + answer.text


def test_a_caller_has_no_say_in_what_is_asked_and_cannot_reach_the_asking_itself(scene: Scene) -> None:
    assert scene.ask("/tiles?permission=admin&route=/chosen", bearer("reader")).status_code == 200
    assert [record[5] for record in scene.recorded()] == ["/tiles"]
    answer = scene.ask("/_grillo", bearer("revoked"))
    assert answer.status_code in (401, 404)
    scene.ask("/tiles/../_grillo?permission=admin", bearer("revoked"))
    assert scene.upstream.lines == ["GET /tiles?permission=admin&route=/chosen HTTP/1.1"]


def test_a_preflight_is_a_request_like_any_other(scene: Scene) -> None:
    preflight = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    assert scene.ask("/tiles", preflight, "OPTIONS").status_code == 401
    assert scene.upstream.lines == []


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, f"GET /tiles?api_key={KEY_SENT}&x y HTTP/1.1\r\nHost: x\r\n"),
        (400, f"GET /tiles HTTP/1.1\r\nHost: x\r\nX-A : {KEY_SENT}\r\n"),
        (414, f"GET /tiles?api_key={KEY_SENT}{'x' * 9000} HTTP/1.1\r\nHost: x\r\n"),
        (431, f"GET /tiles HTTP/1.1\r\nHost: x\r\nX-A: {KEY_SENT}{'x' * 9000}\r\n"),
        (505, f"GET /tiles?api_key={KEY_SENT} HTTP/3.0\r\nHost: x\r\n"),
    ],
)
def test_what_nginx_refuses_by_itself_is_a_problem_without_the_key(tmp_path: Path, status: int, request_: str) -> None:
    port = free_port()
    with _nginx(tmp_path, port, {"auth": free_port(), "protected": free_port()}) as proxy:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(f"{request_}Connection: close\r\n\r\n".encode())
            received = b""
            while piece := connection.recv(65536):
                received += piece
        head, _, body = received.decode().partition("\r\n\r\n")
        assert (head.split()[1], json.loads(body)["status"]) == (str(status), status)
        assert "Content-Type: application/problem+json" in head
        assert KEY_SENT[4:20] not in f"{head}{body}{proxy.written()}"
