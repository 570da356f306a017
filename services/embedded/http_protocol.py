"""One connection of the embedded server: its requests read strictly and in time, its own refusals as problems.

eventlet's own reading quotes what it refuses, in its answer and on standard error, and with it a key. Here neither has
anything of the request.
"""

import http.client
import socket
import time
from typing import Any, Final

import eventlet
import msgspec
import structlog
from eventlet import wsgi

from services.embedded.request_body import Body, Deadlined, HalfRead
from services.embedded.request_head import FIELDS_MAX, read_head, request_id_of
from shared.web.exception_mapping import PROBLEM_JSON
from shared.web.problems.catalogue import Problem
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.request_identity import RequestIdentity

_LINGER_SECONDS_MAX = 1.0
_LINGER_BYTES_MAX = 1024 * 1024
_LINGER_PIECE_BYTES = 64 * 1024
_EMPTY_LINE: Final = b"\r\n"
_log = structlog.get_logger(__name__)
_identity = RequestIdentity(TrustedProxies(()))


class HttpProtocol(wsgi.HttpProtocol):  # type: ignore[misc]  # eventlet is untyped
    """A request's head, and then its body, must be there by a deadline, however steadily their bytes drip in."""

    head_seconds_max: float
    body_seconds_max: float
    half_read: HalfRead
    public_url: str
    _deadline: Any = None

    def handle(self) -> None:
        try:
            super().handle()
        except TimeoutError:
            raise  # the server closes such a connection without a word
        except Exception as error:
            # By its kind alone: the hub would write a traceback, and what it says may quote the request.
            _log.warning("connection_failed", error=type(error).__name__)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        finally:
            self._expect_by(None)

    def parse_request(self) -> bool:
        """Reads the fields behind the request line that was read already. False once it has answered by itself."""
        lines: list[bytes] = []
        self.command, self.requestline, self.request_version = "", "", "HTTP/1.1"
        try:
            self._read_fields(lines)
            head = read_head(self.raw_requestline, lines)
        except (wsgi.HeaderLineTooLong, wsgi.HeadersTooLarge):
            self._refuse(Problem("headers-too-large"), lines)
            return False
        except Problem as problem:
            self._refuse(problem, lines)
            return False
        self.command, self.path, self.request_version = head.method, head.target, head.version
        self.headers, self.close_connection = http.client.HTTPMessage(), head.closes
        for name, value in head.fields:
            self.headers[name] = value
        return True

    def get_environ(self) -> Any:
        self._expect_by(None)
        environ = super().get_environ()
        made = environ["wsgi.input"]
        environ["wsgi.input"] = environ["eventlet.input"] = Body(
            Deadlined(self.rfile, self.body_seconds_max, self.half_read),
            made.content_length,
            self.connection,
            wfile=made.wfile,
            wfile_line=made.wfile_line,
            chunked_input=made.chunked_input,
        )
        return environ

    def log_message(self, *_: object) -> None:
        """Writes nothing: what Python's own server would write on standard error is the request line."""

    def _read_request_line(self) -> Any:
        self._expect_by(self.head_seconds_max)
        line = super()._read_request_line()
        if line == _EMPTY_LINE:  # one before the request line is passed over: RFC 9112, 2.2
            line = super()._read_request_line()
        if len(line) >= self.server.url_length_limit:
            self._refuse(Problem("uri-too-long"), ())
            return b""
        return line

    def _read_fields(self, lines: list[bytes]) -> None:
        while (line := self.rfile.readline()) != _EMPTY_LINE:
            if not line:
                raise Problem("invalid-request", "the request was cut off")
            if len(lines) == FIELDS_MAX:
                raise Problem("headers-too-large")
            lines.append(line)

    def _refuse(self, problem: Problem, field_lines: Any) -> None:
        """Answers, then closes. Not at once: a close with bytes unread takes the answer from the caller."""
        self.close_connection = True
        environ = {"REMOTE_ADDR": wsgi.addr_to_host_port(self.client_address)[0]}
        given = request_id_of(field_lines)
        request_id, _ = _identity.identify(environ if given is None else environ | {"HTTP_X_REQUEST_ID": given})
        body = msgspec.json.encode(problem.body(public_url=self.public_url, instance=None, request_id=request_id))
        reason = http.client.responses[problem.type.status]
        head = (
            f"HTTP/1.1 {problem.type.status} {reason}\r\nContent-Type: {PROBLEM_JSON}\r\nX-Request-Id: {request_id}\r\n"
            f"Date: {wsgi.format_date_time(time.time())}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
        self.wfile.flush()
        self._linger()

    def _linger(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_WR)
            with eventlet.Timeout(_LINGER_SECONDS_MAX, False):
                left = _LINGER_BYTES_MAX
                while left > 0 and (piece := self.connection.recv(min(left, _LINGER_PIECE_BYTES))):
                    left -= len(piece)
        except OSError:
            return  # the caller is gone already

    def _expect_by(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else eventlet.Timeout(seconds, TimeoutError("too slow"))
