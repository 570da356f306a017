"""Strict parser of HTTP/1.1 request heads (RFC 9112): request line and fields, and how long the body is.

It refuses all that the document lets a server refuse: where a proxy and the server behind it read a message
differently, one caller's bytes can be taken for another's request (request smuggling). Pure. A refusal quotes nothing
of the request, which may hold a key anywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.web.problems.catalogue import Problem

FIELDS_MAX = 100
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rf"({_NAME}) ([!-~]+) (HTTP/\d\.\d)", re.ASCII)
_FIELD = re.compile(rf"({_NAME}):[ \t]*(.*?)[ \t]*", re.DOTALL)
_NOT_IN_VALUES = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_AUTHORITY = re.compile(r"(?:[0-9A-Za-z._~!$&'()*+,;=%-]*|\[[0-9A-Za-z.:]+\])(?::\d{0,5})?", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?]*)([/?].*)?", re.IGNORECASE)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_VERSION = re.compile(r"HTTP/\d\.\d", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """`target`: path and query. `content_length`: None where no field says it, as where the body comes in chunks."""

    method: str
    target: str
    version: str
    fields: tuple[tuple[str, str], ...]
    content_length: int | None
    is_chunked: bool
    closes: bool


def read_head(request_line: bytes, field_lines: Sequence[bytes]) -> RequestHead:
    """The head, from lines with their ends, without the empty one behind them. Raises Problem."""
    method, target, version = _request_line(_text(request_line))
    fields = tuple(map(_field, field_lines))
    hosts = _values(fields, "host")
    if len(hosts) > 1 or (not hosts and version != "HTTP/1.0"):
        raise Problem("invalid-request", "a request needs exactly one Host")
    if hosts and not _AUTHORITY.fullmatch(hosts[0]):
        raise Problem("invalid-request", "Host must be a name or an address, and perhaps a port")
    authority, target = _origin_form(method, target)
    if authority is not None:
        fields = (*(field for field in fields if field[0].lower() != "host"), ("Host", authority))
    length, is_chunked = _framing(fields, version)
    return RequestHead(
        method=method,
        target=target,
        version=version,
        fields=fields,
        content_length=length,
        is_chunked=is_chunked,
        closes=_closes(fields, version),
    )


def request_id_of(field_lines: Sequence[bytes]) -> str | None:
    """What X-Request-Id says, though the head be malformed."""
    named = [line.partition(b":")[2] for line in field_lines if line[:13].lower() == b"x-request-id:"]
    return named[0].strip().decode("latin-1") if len(named) == 1 else None


def _request_line(line: str) -> tuple[str, str, str]:
    """Method, target and version: HTTP/1.0, or HTTP/1.1, as which later minor versions are read (RFC 9110, 2.5)."""
    match = _REQUEST_LINE.fullmatch(line)
    version = line.rpartition(" ")[2] if match is None else match[3]
    if _VERSION.fullmatch(version) and version[5] != "1":
        raise Problem("http-version-not-supported")
    if match is None:
        raise Problem("invalid-request", "the request line must be a method, a target and HTTP/1.1, one space between")
    return match[1], match[2], "HTTP/1.0" if version == "HTTP/1.0" else "HTTP/1.1"


def _field(line: bytes) -> tuple[str, str]:
    text = _text(line)
    match = _FIELD.fullmatch(text)
    if match is None or _NOT_IN_VALUES.search(match[2]):
        raise Problem("invalid-request", "a header line must be a name, a colon at once, and a value on the same line")
    return match[1], match[2]


def _text(line: bytes) -> str:
    if not line.endswith(b"\r\n"):
        raise Problem("invalid-request", "lines of a request must end with CR and LF")
    return line[:-2].decode("latin-1")


def _origin_form(method: str, target: str) -> tuple[str | None, str]:
    """The authority that an absolute target names, which stands for Host (RFC 9112, 3.2.2), and path and query."""
    if "#" not in target:
        if target.startswith("/") or (target == "*" and method == "OPTIONS"):
            return None, target
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is not None and absolute[1] and _AUTHORITY.fullmatch(absolute[1]):
            rest = absolute[2] or "/"
            return absolute[1], rest if rest.startswith("/") else f"/{rest}"
    raise Problem("invalid-request", "the request's target must be a path, or an http URL, without a fragment")


def _framing(fields: Sequence[tuple[str, str]], version: str) -> tuple[int | None, bool]:
    """(length of the body, whether it comes in chunks): RFC 9112, 6."""
    lengths, codings = _values(fields, "content-length"), _values(fields, "transfer-encoding")
    if codings:
        if lengths or version == "HTTP/1.0" or [coding.lower() for coding in codings] != ["chunked"]:
            raise Problem("invalid-request", "Transfer-Encoding must be chunked, and stand alone, in HTTP/1.1")
        return None, True
    if not lengths:
        return None, False
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Problem("invalid-request", "Content-Length must be there once, in digits")
    return int(lengths[0]), False


def _closes(fields: Sequence[tuple[str, str]], version: str) -> bool:
    options = {option.strip().lower() for value in _values(fields, "connection") for option in value.split(",")}
    return "close" in options or (version == "HTTP/1.0" and "keep-alive" not in options)


def _values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for given, value in fields if given.lower() == name]
