"""Compression of answers by gzip, for callers that accept it (RFC 9110, section 12.5.3).

Only what a GET reads is compressed: answers that show a secret are those of POST and PATCH, and the length of a
compressed secret beside a caller's own words would tell it (BREACH). miniSEED is compressed by itself.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

LEVEL = 5
BYTES_MIN = 1024
_TYPES = re.compile(r"(?:text/(?!event-stream)[^;]+|application/(?:[^;]*\+)?(?:json|xml|javascript)|image/svg\+xml)\b")
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|x-gzip|(\*))\s*(?:;\s*q=([0-9.]{1,5}))?\s*(?=,|$)", re.IGNORECASE)
_GZIP_WINDOW_BITS = 31
# A file that is served in parts is as it is: its ranges are of those bytes.
_ENCODED = {"content-encoding", "content-range", "accept-ranges"}

Headers = list[tuple[str, str]]


class Compression:
    """WSGI middleware. What is streamed is compressed as it comes, so that memory stays bounded."""

    def __init__(self, app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        told: list[Any] = []
        body = self._app(environ, lambda status, headers, _exc_info=None: told.extend((status, headers)))
        status, headers = told[-2:]
        if status.startswith("200 "):
            headers, body = encoded(environ, headers, body)
        start_response(status, headers)
        return body


def encoded(environ: dict[str, Any], headers: Headers, body: Iterable[bytes]) -> tuple[Headers, Iterable[bytes]]:
    """A 200 to a GET or a HEAD, compressed where its caller accepts it and anything is gained."""
    is_get = environ["REQUEST_METHOD"] == "GET"
    if _gains(headers, body if is_get else None):
        headers = _varied(headers)
        if is_get and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            return _compressed(headers, body)
    return headers, body


def accepts_gzip(accept_encoding: str) -> bool:
    """What is said of gzip itself goes before what is said of `*`."""
    weights = {match[1]: float(match[2] or 1) for match in _GZIP.finditer(accept_encoding) if _is_number(match[2])}
    return weights.get(None, weights.get("*", 0.0)) > 0


def _is_number(weight: str | None) -> bool:
    return weight is None or (weight.count(".") <= 1 and weight != ".")


def _gains(headers: Headers, body: Iterable[bytes] | None) -> bool:
    """`body` None: of a HEAD, whose headers tell how long it would be."""
    length = sum(map(len, body)) if isinstance(body, list) else None
    if length is not None and length < BYTES_MIN:
        return False  # before anything else is read: most answers are short
    named = {name.lower(): value for name, value in headers}
    if body is None and int(named.get("content-length", BYTES_MIN)) < BYTES_MIN:
        return False
    return not _ENCODED & named.keys() and _TYPES.match(named.get("content-type", "")) is not None


def _varied(headers: Headers) -> Headers:
    """Also where it is sent as it is: a cache must not give one caller what another accepts."""
    before = [value for name, value in headers if name.lower() == "vary"]
    kept = [(name, value) for name, value in headers if name.lower() != "vary"]
    return [*kept, ("Vary", ", ".join([*before, "Accept-Encoding"]))]


def _compressed(headers: Headers, body: Iterable[bytes]) -> tuple[Headers, Iterable[bytes]]:
    kept = [(name, _weak(value) if name.lower() == "etag" else value) for name, value in headers]
    kept = [(name, value) for name, value in kept if name.lower() != "content-length"]
    kept.append(("Content-Encoding", "gzip"))
    if not isinstance(body, list):
        return kept, _Stream(body)
    whole = gzip.compress(b"".join(body), LEVEL, mtime=0)
    return [*kept, ("Content-Length", str(len(whole)))], [whole]


def _weak(tag: str) -> str:
    return tag if tag.startswith("W/") else f"W/{tag}"


class _Stream:
    """Closes what it compresses, however far it was read."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
        for part in self._body:
            if done := compressor.compress(part):
                yield done
        yield compressor.flush()

    def close(self) -> None:
        if hasattr(self._body, "close"):
            self._body.close()
