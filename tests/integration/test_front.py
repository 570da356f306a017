"""The front's nginx configuration, in a real nginx: what it tells services of the caller, and what it writes down."""

import gzip
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from services.service_registry import SERVICES
from shared.gate.grants.replica import LEASE_SECONDS_RANGE
from shared.web.answers.compression import BYTES_MIN, Compression
from shared.web.operation import operation_of
from tests import front, local_http
from tests.gate_examples import secret
from tests.integration.sensors.recordings.scene import CHIEF, scene, segment
from tests.integration.web.tiny import KEYS
from tests.proxies import Proxy, Upstream
from tests.servers import free_port

KEY, LINK = KEYS["reader"], f"grc_{'7' * 43}"
FOREIGN = f"acme_{'x7' * 12}"
COMMAND_SECONDS_MAX = 10  # as long as a command waits for its stream (docs/operations.md, Rebuilding)
ORIGINAL = {"X-Original-Method": "GET", "X-Original-URI": "/a", "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Keys and auth; the others do not answer."""
    upstream = Upstream()
    yield upstream
    upstream.close()


PAGES = (
    *("/", "/console/keys", "/docs", "/api/webhooks", "/problems/key-revoked", "/settings", "/settings/api-keys"),
    *("/parametres/cles-api", "/profil/developpeur/cles-api"),
)
LONG = json.dumps({"data": ["a word"] * BYTES_MIN}).encode()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def compressing() -> Iterator[int]:
    """The port of a service that answers everything with a long text, compressed as services do."""

    def long_text(_: Any, start_response: Any) -> list[bytes]:
        headers = [("Content-Type", "application/json"), ("ETag", '"1.abc"'), ("X-Content-Type-Options", "nosniff")]
        start_response("200 OK", headers)
        return [LONG]

    server = make_server("127.0.0.1", 0, Compression(long_text), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def sensors(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """The port of a web process of sensors, and the id of one of three."""
    here = scene(tmp_path)
    sensor_id, *_ = [here.recorded(segment(0, 60), station=f"AA{number}") for number in range(3)]
    server = make_server("127.0.0.1", 0, here.client.app, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port, sensor_id
    server.shutdown()
    server.server_close()
    here.sensors.stop()
    here.database.close()


def _front(
    folder: Path,
    upstream: Upstream | int,
    *,
    asks_for_others: str = "192.0.2.10",
    around: str = "",
    tls_port: int = 0,
    edit: Callable[[str], str] = str,
    sensors: int = 0,
) -> Proxy:
    port, dead = free_port(), free_port()
    alive = upstream if isinstance(upstream, int) else upstream.port
    places = {"keys": alive, "console": alive, "auth": alive, "usage": dead, "sensors": sensors or dead}
    routes = around + edit(front.ROUTES).replace("default 0;", f"default 0; {asks_for_others} 1;")
    return Proxy("nginx", front.command(folder, (port, tls_port or free_port()), places, routes), folder, port)


def test_it_appends_the_callers_address_and_logs_no_key_wherever_it_was_sent(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREIGN_KEY_FORMS", "other-,acme_")
    with _front(tmp_path, upstream) as nginx, local_http.client(base_url=nginx.url) as client:
        client.get("/v1/keys", headers={"X-Forwarded-For": "1.2.3.4"})
        assert upstream.headers[-1]["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
        for path in (
            f"/v1/keys/{KEY}",
            f"/%67rl_{KEY[4:]}",
            f"/v1/keys?api_key={KEY}",
            f"/v1/sensors/{KEY}/x?api_key={KEY}",
            f"/v1/authorize?api_key={KEY}",
            f"/console/link/{LINK}",
            f"/v1/keys/{FOREIGN}",
            f"/%61cme_{FOREIGN[5:]}",
        ):
            client.get(path, headers={"Referer": KEY, "User-Agent": KEY, "X-Original-URI": KEY})
    written = nginx.written()
    assert written.count("/[redacted]") == 6
    assert " 503 " in written
    assert KEY[4:40] not in written
    assert LINK[4:40] not in written
    assert FOREIGN[5:] not in written


def test_each_resource_of_each_service_reaches_that_service_with_all_that_it_takes(tmp_path: Path) -> None:
    port, asked, misled = free_port(), 0, []
    with ExitStack() as opened:
        behind = {name: opened.enter_context(closing(Upstream())) for name in (*SERVICES, "console")}
        places = {name: upstream.port for name, upstream in behind.items()}
        command = front.command(tmp_path, (port, free_port()), places)
        nginx = opened.enter_context(Proxy("nginx", command, tmp_path, port))
        client = opened.enter_context(local_http.client(base_url=nginx.url))
        for name, service in SERVICES.items():
            for template, resource in service.assembly.documented_routes():
                path = re.sub(r"{\w+}", "some", template)
                # With a body as large as the service takes, where it takes one.
                declared = {method: operation_of(resource, method) for method in ("POST", "PATCH")}
                bodies = {method: b" " * each.body_bytes_max for method, each in declared.items() if each and each.body}
                for method, body in {"GET": b"", **bodies}.items():
                    client.request(method, path, content=body)
                    asked += 1
                    if behind[name].lines[-1:] != [f"{method} {path} HTTP/1.1"]:
                        misled.append((name, method, path))
        for path in PAGES:
            client.get(path)
            if behind["console"].lines[-1:] != [f"GET {path} HTTP/1.1"]:
                misled.append(("console", "GET", path))
    assert asked > 0
    assert misled == []


def test_of_two_places_of_a_service_the_one_that_listens_is_asked_and_none_is_left_out_for_having_refused(
    tmp_path: Path,
) -> None:
    """As while one is replaced by the other, which did not listen yet a moment ago."""
    place, beside = free_port(), free_port()

    def with_both(routes: str) -> str:
        known = re.search("server keys:8000 resolve([^;]*);", routes)
        assert known
        return routes.replace(known[0], f"{known[0]} server 127.0.0.1:{beside}{known[1]};")

    with _front(tmp_path, place, edit=with_both) as nginx:
        for port in (place, beside, place):
            with closing(Upstream(port)) as alone:
                answers = [local_http.post(f"{nginx.url}/v1/keys").status_code for _ in range(4)]
            assert (answers, len(alone.lines)) == ([200] * 4, 4)


@pytest.mark.parametrize("path", ["/", "/console/keys/new"])
def test_the_console_is_told_the_port_by_which_it_is_opened(tmp_path: Path, upstream: Upstream, path: str) -> None:
    """Older browsers' Origin, which has the port, is compared with it."""
    with _front(tmp_path, upstream) as nginx:
        local_http.post(nginx.url + path, headers={"Host": "grillo.test:8443", "X-Forwarded-For": "198.51.100.9"})
    told = upstream.headers[-1]
    assert (told["host"], told["x-forwarded-for"]) == ("grillo.test:8443", "198.51.100.9, 127.0.0.1")
    assert told.get("connection") != "close", "connections are kept"


def test_what_a_stranger_tells_of_another_request_ends_at_the_front(tmp_path: Path, upstream: Upstream) -> None:
    with _front(tmp_path, upstream) as nginx:
        local_http.get(f"{nginx.url}/v1/authorize?permission=admin", headers=ORIGINAL)
    assert upstream.lines[-1] == "GET /v1/authorize?permission=admin HTTP/1.1"
    assert not upstream.headers[-1].keys() & {name.lower() for name in ORIGINAL}
    assert upstream.headers[-1]["x-forwarded-for"] == "127.0.0.1"


def test_a_proxy_of_ours_may_tell_of_its_callers_requests_through_the_front(tmp_path: Path, upstream: Upstream) -> None:
    with _front(tmp_path, upstream, asks_for_others="127.0.0.1") as nginx:
        local_http.get(f"{nginx.url}/v1/authorize", headers=ORIGINAL | {"X-Forwarded-For": "198.51.100.9"})
    assert {name: upstream.headers[-1][name.lower()] for name in ORIGINAL} == ORIGINAL
    assert upstream.headers[-1]["x-forwarded-for"] == "198.51.100.9, 127.0.0.1"


@pytest.mark.parametrize(
    ("status", "name", "request_"),
    [
        (400, "invalid-request", f"GET /v1/keys?api_key={KEY}"),
        (400, "invalid-request", f"GET /v1/keys?api_key={KEY} and more HTTP/1.1\r\nHost: x\r\n"),
        (400, "invalid-request", f"{KEY} /v1/keys HTTP/1.1\r\nHost: x\r\n"),
        (400, "invalid-request", f"GET /v1/keys HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\n"),
        (400, "invalid-request", f"GET /v1/keys HTTP/1.1\r\nHost: x {KEY}\r\n"),
        (400, "invalid-request", f"GET /v1/keys HTTP/1.1\r\nHost: x\r\nX-A : {KEY}\r\n"),
        (400, "invalid-request", f"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: {KEY}\r\n"),
        (501, "invalid-request", f"POST /v1/keys HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {KEY}\r\n"),
        (404, "not-found", f"GET /internal/{KEY} HTTP/1.1\r\nHost: x\r\n"),
        (405, "method-not-allowed", f"TRACE /{KEY} HTTP/1.1\r\nHost: x\r\n"),
        (413, "body-too-large", f"POST /v1/keys?api_key={KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n"),
        (414, "uri-too-long", f"GET /v1/keys?api_key={KEY}{'x' * 9000} HTTP/1.1\r\nHost: x\r\n"),
        (431, "headers-too-large", f"GET /v1/keys HTTP/1.1\r\nHost: x\r\nX-A: {KEY}{'x' * 9000}\r\n"),
        (503, "unavailable", f"GET /v1/sensors?api_key={KEY} HTTP/1.1\r\nHost: x\r\n"),
        (505, "http-version-not-supported", f"GET /v1/keys?api_key={KEY} HTTP/3.0\r\nHost: x\r\n"),
    ],
)
def test_what_it_answers_by_itself_is_a_problem_with_an_id_and_without_the_key(
    tmp_path: Path, upstream: Upstream, status: int, name: str, request_: str
) -> None:
    for lines, expected_id in ((request_, None), (f"{request_}X-Request-Id: mine-1\r\n", "mine-1")):
        with _front(tmp_path, upstream) as nginx:
            answer = _answer(nginx.url, f"{lines}Connection: close\r\n\r\n")
        head, _, body = answer.partition("\r\n\r\n")
        problem = json.loads(body)
        assert (head.split()[1], problem["status"], problem["type"]) == (str(status), status, f"/problems/{name}")
        assert (problem["error"]["message"], problem["meta"]) == (
            problem["title"],
            {"request_id": problem["request_id"]},
        )
        assert problem["error"]["code"] == ("invalid_request" if name == "invalid-request" else name.replace("-", "_"))
        assert ("retry_after" in problem["error"]) == ("\r\nRetry-After: 2" in head) == (status == 503)
        assert "Content-Type: application/problem+json\r\n" in head
        assert f"X-Request-Id: {problem['request_id']}\r\n" in f"{head}\r\n"
        assert problem["request_id"] == expected_id or re.fullmatch("req_[0-9a-f]{32}", problem["request_id"])
        assert KEY[4:20] not in answer + nginx.written()


def test_a_body_that_does_not_come_ends_here_and_no_service_hears_of_it(tmp_path: Path, upstream: Upstream) -> None:
    patience = "client_body_timeout 15s;"
    assert patience in front.ROUTES
    head = "POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
    with _front(tmp_path, upstream, edit=lambda text: text.replace(patience, "client_body_timeout 300ms;")) as nginx:
        assert _answer(nginx.url, f"{head}half of it") == ""
        assert local_http.get(f"{nginx.url}/v1/keys").status_code == 200
    assert [line for line in upstream.lines if line.startswith("POST")] == []


def test_neither_a_body_nor_an_error_about_one_is_written_down(tmp_path: Path, upstream: Upstream) -> None:
    """nginx puts a body of more than 16 KiB into a file; where it cannot, it quotes the request line."""
    with _front(tmp_path, upstream) as nginx:
        (tmp_path / "body").rmdir()
        (tmp_path / "body").touch()
        answer = local_http.post(f"{nginx.url}/v1/keys?api_key={KEY}", content=KEY.ljust(100_000))
    assert (answer.status_code, upstream.lines[-1]) == (200, f"POST /v1/keys?api_key={KEY} HTTP/1.1")
    assert KEY[4:20] not in nginx.written()


@pytest.mark.parametrize("around", ["", "gzip on; gzip_proxied any; gzip_types application/json;"])
def test_what_a_service_compressed_passes_as_it_is_and_nothing_else_is_compressed(
    tmp_path: Path, compressing: int, around: str
) -> None:
    """`around`: what the nginx.conf of a distribution may say beside this file. Answers of POST may show a secret."""
    with _front(tmp_path, compressing, around=around) as nginx, local_http.client(base_url=nginx.url) as client:
        with client.stream("GET", "/v1/keys", headers={"Accept-Encoding": "gzip"}) as answer:
            sent = b"".join(answer.iter_raw())
        assert answer.headers.get_list("Content-Encoding") == ["gzip"]
        assert (gzip.decompress(sent), len(sent) < len(LONG) / 10) == (LONG, True)
        assert (answer.headers.get_list("Vary"), answer.headers["ETag"]) == (["Accept-Encoding"], 'W/"1.abc"')
        assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]
        plain = client.get("/v1/keys", headers={"Accept-Encoding": "identity"})
        assert (plain.content, "Content-Encoding" in plain.headers) == (LONG, False)
        assert (plain.headers.get_list("Vary"), plain.headers["ETag"]) == (["Accept-Encoding"], '"1.abc"')
        posted = client.post("/v1/keys", headers={"Accept-Encoding": "gzip"})
        assert (posted.content, "Content-Encoding" in posted.headers) == (LONG, False)


@pytest.mark.parametrize("path", ["/v1/sensors", "/v1/sensors/{sensor_id}", "/v1/sensors/{sensor_id}/config"])
def test_tags_hold_through_the_front_whether_or_not_an_answer_was_compressed(
    tmp_path: Path, upstream: Upstream, sensors: tuple[int, str], path: str
) -> None:
    port, sensor_id = sensors
    path, config = path.format(sensor_id=sensor_id), f"/v1/sensors/{sensor_id}/config"
    bearer = {"Authorization": f"Bearer {secret(CHIEF)}"}
    (tmp_path / "front").mkdir()
    with (
        _front(tmp_path / "front", upstream, sensors=port) as front,
        local_http.client(base_url=front.url, headers=bearer) as client,
    ):
        zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert ("Content-Encoding" in zipped.headers) == (len(plain.content) >= BYTES_MIN), plain.text
        assert zipped.headers["ETag"] == plain.headers["ETag"]
        seen = zipped.headers["ETag"]
        for encoding in ("gzip", "identity"):
            again = client.get(path, headers={"If-None-Match": seen, "Accept-Encoding": encoding})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", seen)
        if path != "/v1/sensors":
            assert client.patch(config, json={"enabled": False}, headers={"If-Match": seen}).status_code == 200
            assert client.patch(config, json={"enabled": True}, headers={"If-Match": seen}).status_code == 412
        else:
            client.patch(config, json={"enabled": False}).raise_for_status()
        changed = client.get(path, headers={"If-None-Match": seen})
        assert (changed.status_code, changed.headers["ETag"] == seen) == (200, False)


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/sensors"], ids=["a service's answer", "its own"])
def test_over_tls_browsers_are_told_to_stay_with_it_and_nobody_is_told_a_release(
    tmp_path: Path, upstream: Upstream, path: str
) -> None:
    tls_port = free_port()
    with _front(tmp_path, upstream, tls_port=tls_port) as nginx:
        with local_http.client(verify=front.trust(tmp_path)) as browser:
            sealed = browser.get(f"https://127.0.0.1:{tls_port}{path}")
        plain = local_http.get(nginx.url + path)
    assert (sealed.headers["Strict-Transport-Security"], sealed.headers["Server"]) == ("max-age=31536000", "nginx")
    assert "Strict-Transport-Security" not in plain.headers
    for answer in (sealed, plain):
        assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]


def test_a_request_has_one_id_in_the_front_s_log_and_in_the_service_s(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREIGN_KEY_FORMS", "acme_")
    with _front(tmp_path, upstream) as nginx:
        for path, given in (("/v1/keys", "mine-1"), ("/console", KEY), ("/v1/keys", FOREIGN), ("/v1/authorize", None)):
            local_http.get(nginx.url + path, headers={} if given is None else {"X-Request-Id": given})
    logged = [line.split()[-1] for line in nginx.written().splitlines() if '"GET /' in line][-4:]
    assert [headers["x-request-id"] for headers in upstream.headers[-4:]] == logged
    assert logged[0] == "mine-1"
    assert all(re.fullmatch("req_[0-9a-f]{32}", made) for made in logged[1:])


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/v1/keys", 128),
        ("/v1/keys/batch", 512),
        ("/v1/keys/import", 1024),
        ("/v1/keys/verify", 16),
        ("/v1/usage", 1),
        ("/v1/keys/key_1/activity", 1),
    ],
)
def test_each_route_takes_a_body_as_large_as_it_has_use_for(
    tmp_path: Path, upstream: Upstream, path: str, most: int
) -> None:
    with _front(tmp_path, upstream) as nginx:
        taken = local_http.post(nginx.url + path, content=b"x" * (most << 10)).status_code
        refused = local_http.post(nginx.url + path, content=b"x" * ((most << 10) + 1)).status_code
    assert (taken in {200, 503}, refused) == (True, 413)


def test_a_receipt_has_the_time_of_the_longest_lease_and_an_address_is_asked_for_again() -> None:
    """`resolve` is not in Debian's nginx, so this is read, not seen."""
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", front.ROUTES)
    assert int(seconds) > LEASE_SECONDS_RANGE[1] + COMMAND_SECONDS_MAX
    assert re.search(r"^resolver 127\.0\.0\.11 valid=1s ", front.ROUTES, re.M)
    line = r"^upstream (\w+) \{ zone (\w+) 64k; server (\w+):8000 resolve max_fails=0; keepalive"
    upstreams = re.findall(line, front.ROUTES, re.M)
    assert upstreams == [(name, name, name) for name in ("keys", "auth", "usage", "sensors", "console")]


def _answer(url: str, request: str) -> str:
    port = int(url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        while piece := connection.recv(65536):
            received += piece
    return received.decode()
