"""Request bodies under eventlet's server: chunks read strictly (RFC 9112, 7.1), all together within a time."""

import re
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet import wsgi

_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\0-\x08\x0a-\x1f\x7f]*)?\r\n")
_LINE_BYTES_MAX = 4096
_TRAILERS_MAX = 100


class Body(wsgi.Input):  # type: ignore[misc]  # eventlet is untyped
    """As eventlet's, but for its chunks. A malformed one ends the body: whatever comes then raises ChunkReadError."""

    chunk_length: int
    position: int
    _is_broken = False

    def _chunked_read(self, rfile: Any, length: int | None = None, use_readline: bool = False) -> bytes:
        if self.should_send_hundred_continue:
            self.send_hundred_continue_response()
            self.is_hundred_continue_response_sent = True
        left = None if length is None or length < 0 else length
        pieces: list[bytes] = []
        while left != 0 and self._is_in_chunk(rfile):
            size = self.chunk_length - self.position
            size = size if left is None else min(size, left)
            piece = rfile.readline(size) if use_readline else rfile.read(size)
            if not piece:
                self._break("the body was cut off")
            self.position += len(piece)
            pieces.append(piece)
            left = None if left is None else left - len(piece)
            if self.position == self.chunk_length and rfile.readline(2) != b"\r\n":
                self._break("a chunk is longer than it says")
            if use_readline and piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def _is_in_chunk(self, rfile: Any) -> bool:
        """Whether a chunk has bytes left; the next one is begun where this one ended."""
        if self._is_broken:
            self._break("a chunk was malformed")
        if self.chunk_length > self.position:
            return True
        if self.chunk_length != 0:
            head = _CHUNK_HEAD.fullmatch(rfile.readline(_LINE_BYTES_MAX))
            if head is None:
                self._break("a chunk must begin with its size, in hexadecimal digits")
            else:
                self.chunk_length, self.position = int(head[1], 16), 0
                if self.chunk_length == 0:
                    self._pass_trailers(rfile)
        return bool(self.chunk_length)

    def _pass_trailers(self, rfile: Any) -> None:
        for _ in range(_TRAILERS_MAX):
            line = rfile.readline(_LINE_BYTES_MAX)
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                break
        self._break("what follows the last chunk is malformed")

    def _break(self, reason: str) -> None:
        self._is_broken = True
        raise wsgi.ChunkReadError(reason)


class HalfRead:
    """Bodies that are being waited for, `count_max` at most: one more cuts off the one that began longest ago.

    So slow callers push out each other, and a body that comes at once is never refused.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max, self._waiting = count_max, list[Deadlined]()

    def enter(self, body: "Deadlined") -> None:
        while len(self._waiting) >= self._count_max:
            oldest = min(self._waiting, key=lambda one: one.began_at)
            self._waiting.remove(oldest)
            oldest.cut_off()
        self._waiting.append(body)

    def leave(self, body: "Deadlined") -> None:
        if body in self._waiting:
            self._waiting.remove(body)


class Deadlined:
    """Reads of one body, all together within `seconds_max` of waiting. Raises TimeoutError, also if it is cut off."""

    _timeout: Any
    _reader: Any

    def __init__(self, file: Any, seconds_max: float, half_read: HalfRead) -> None:
        self._file, self._seconds_left, self._half_read = file, seconds_max, half_read
        self._hub = eventlet.hubs.get_hub()
        self.began_at = self._hub.clock()

    def read(self, *size: int) -> Any:
        return self._in_time(self._file.read, *size)

    def readline(self, *size: int) -> Any:
        return self._in_time(self._file.readline, *size)

    def cut_off(self) -> None:
        """Ends the read that is being waited for, unless it ends before its turn comes; and all after it."""
        self._seconds_left = 0.0
        self._timeout.cancel()
        self._timeout.timer = self._hub.schedule_call_global(0, self._reader.throw, _too_slow())

    def _in_time(self, read: Callable[..., Any], *size: int) -> Any:
        began_at = self._hub.clock()
        self._reader = eventlet.getcurrent()
        with eventlet.Timeout(max(self._seconds_left, 0.001), _too_slow()) as self._timeout:
            self._half_read.enter(self)
            try:
                return read(*size)
            finally:
                self._half_read.leave(self)
                self._seconds_left -= self._hub.clock() - began_at


def _too_slow() -> TimeoutError:
    return TimeoutError("too slow")
