"""Someone on the network between services, who passes on what they ask of internal doors, or answers in their place."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import urllib3

_SECONDS_MAX = 30
_PASSED_ON = ("authorization", "accept", "content-type", "content-encoding", "x-grillo-signature", "retry-after")


class Asked(NamedTuple):
    """`port`: of the door that was meant."""

    port: int
    path: str
    query: Mapping[str, str]


class Told(NamedTuple):
    body: bytes
    headers: Mapping[str, str]
    status: int = 200


class Middle:
    """`answer`: what to say in the door's place; None, or where it returns None: the door is asked."""

    def __init__(self) -> None:
        self.answer: Callable[[Asked], Told | None] | None = None
        self._servers: dict[int, ThreadingHTTPServer] = {}
        self._doors = urllib3.PoolManager(retries=False, maxsize=20)

    def to(self, port: int) -> int:
        """The port on which to reach the door by way of here."""
        if port not in self._servers:
            server = _Server(("127.0.0.1", 0), self._handler(port))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self._servers[port] = server
        return self._servers[port].server_port

    def close(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        self._doors.clear()

    def _handler(self, port: int) -> type[BaseHTTPRequestHandler]:
        middle = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                told = middle._told(port, self.command, self.path, dict(self.headers))
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_DELETE = handle_any

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # who asked has gone
                    super().handle()

        return Handler

    def _told(self, port: int, method: str, path: str, headers: Mapping[str, str]) -> Told:
        parts, answer = urlsplit(path), self.answer
        if answer is not None and method == "GET":
            told = answer(Asked(port, parts.path, dict(parse_qsl(parts.query))))
            if told is not None:
                return told
        try:
            answered = self._doors.request(
                method,
                f"http://127.0.0.1:{port}{path}",
                headers=_passed_on(headers),
                timeout=_SECONDS_MAX,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError:
            return Told(b"", {}, 502)
        return Told(answered.data, _passed_on(answered.headers), answered.status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _PASSED_ON}
