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


class Deadlined:
    """Reads of one body, all together within `seconds_max` of waiting. Raises TimeoutError."""

    def __init__(self, file: Any, seconds_max: float) -> None:
        self._file, self._seconds_left = file, seconds_max

    def read(self, *size: int) -> Any:
        return self._in_time(self._file.read, *size)

    def readline(self, *size: int) -> Any:
        return self._in_time(self._file.readline, *size)

    def _in_time(self, read: Callable[..., Any], *size: int) -> Any:
        clock = eventlet.hubs.get_hub().clock
        began = clock()
        try:
            with eventlet.Timeout(max(self._seconds_left, 0.001), TimeoutError("too slow")):
                return read(*size)
        finally:
            self._seconds_left -= clock() - began
