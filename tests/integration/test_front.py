"""The front's nginx configuration, in a real nginx: what it tells services of the caller, and what it writes down."""

import shutil
import subprocess
import threading
import time

# By name: importing eventlet's server leaves its copy for greenlets as the attribute `server` of `http`.
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.integration.web.tiny import KEYS
from tests.servers import ServerMissing, free_port

CONFIGURATION = Path(__file__).parents[2] / "ops/nginx/grillo.conf"
KEY = KEYS["reader"]


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Seen-Forwarded-For", self.headers["X-Forwarded-For"])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_it_appends_the_callers_address_and_logs_no_key_wherever_it_was_sent(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise ServerMissing("nginx: apt-get install nginx-light")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, dead = free_port(), free_port()
    server = (
        CONFIGURATION.read_text()
        .replace("/dev/stdout", f"{tmp_path}/access.log")
        .replace("stderr", f"{tmp_path}/error.log")
    )
    server = server.replace("listen 8000;", f"listen 127.0.0.1:{port};").replace(
        "keys:8000", f"127.0.0.1:{upstream.server_port}"
    )
    for name in ("usage", "sensors"):
        server = server.replace(f"{name}:8000", f"127.0.0.1:{dead}")
    folders = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/start.log; events {{}} http {{ {folders}\n{server}\n}}"
    )
    process = subprocess.Popen([nginx, "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            answer = _answered(client, process)
            assert answer.headers["Seen-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
            for path in (
                f"/v1/keys/{KEY}",
                f"/%67rl_{KEY[4:]}",
                f"/v1/keys?api_key={KEY}",
                f"/v1/sensors/{KEY}/x?api_key={KEY}",
            ):
                client.get(path, headers={"Referer": KEY, "User-Agent": KEY})
    finally:
        process.terminate()
        process.wait(10)
        upstream.shutdown()
        upstream.server_close()
    written = "".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert written.count("/[redacted]") == 3
    assert " 502 " in written
    assert KEY[4:40] not in written


def _answered(client: httpx.Client, process: subprocess.Popen[bytes]) -> httpx.Response:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return client.get("/v1/keys", headers={"X-Forwarded-For": "1.2.3.4"})
        except httpx.ConnectError:
            time.sleep(0.02)
    pytest.fail("nginx does not answer")
