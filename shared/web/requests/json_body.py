"""JSON request body: of bounded size, parsed strictly (RFC 8259, I-JSON), loaded by its schema."""

import json
import math
from itertools import islice
from typing import Any

import falcon
import marshmallow
from marshmallow import Schema

from shared.web.problems.catalogue import Problem

BODY_PROBLEMS = ("invalid-body", "body-too-large", "unsupported-media-type")  # what reading a body may raise
BODY_BYTES_MAX = 64 * 1024
ERRORS_MAX = 200
_DIGITS_MAX = 100


def read_body(req: falcon.Request, schema: Schema, bytes_max: int = BODY_BYTES_MAX) -> Any:
    """The request's body as its schema loads it; an empty body counts as {}. Raises Problem."""
    raw = read_raw(req, bytes_max)
    if not raw:
        document: Any = {}
    else:
        if (req.content_type or "").partition(";")[0].strip().lower() != "application/json":
            raise Problem("unsupported-media-type")
        document = parse(raw)
    try:
        return schema.load(document)
    except marshmallow.ValidationError as error:
        raise Problem("invalid-body", members={"errors": told(pointers(error.messages))}) from None


def read_raw(req: falcon.Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The body's bytes, so many at most. Raises Problem."""
    if (req.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)
    try:
        raw: bytes = _stream(req).read(bytes_max + 1)
    except (OSError, ValueError):
        # Too slow, cut off, or invalid chunks: each server's stream raises its own error.
        raise Problem("invalid-request", "the body did not arrive completely") from None
    if len(raw) > bytes_max:
        raise _too_large(bytes_max)
    return raw


def _too_large(bytes_max: int) -> Problem:
    """Says how much is taken where that is not what the problem itself says."""
    detail = None if bytes_max == BODY_BYTES_MAX else f"send at most {bytes_max // 1024} KiB"
    return Problem("body-too-large", detail)


def _stream(req: falcon.Request) -> Any:
    """The body's stream, bounded by Content-Length. Without one (chunks, HTTP/2) the server ends it with the body."""
    is_chunked = "chunked" in (req.get_header("Transfer-Encoding") or "").lower()
    ends = is_chunked or req.env.get("wsgi.input_terminated", False)
    return req.stream if req.content_length is None and ends else req.bounded_stream


def parse(raw: bytes) -> Any:
    """Parses strict JSON (RFC 8259, I-JSON): UTF-8, no member twice, no number out of bounds. Raises Problem."""
    try:
        document = json.loads(
            raw.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_such_number,
            parse_float=_finite,
            parse_int=_short,
        )
        if b"\\u" in raw:
            json.dumps(document, ensure_ascii=False).encode()  # refuses half a surrogate pair, which no database stores
        return document
    except RecursionError:
        raise Problem("invalid-request", "the body is nested too deeply") from None
    except UnicodeError:
        raise Problem("invalid-request", "the body is not UTF-8 text") from None
    except ValueError as error:
        raise Problem("invalid-request", f"the body is not JSON: {error}") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same member twice")
    return members


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _short(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise ValueError("a number is too large")
    return int(digits)


def told(errors: dict[str, list[str]]) -> dict[str, list[str]]:
    """The first of them, and how many more there are: an answer must not be many times what was asked."""
    if len(errors) <= ERRORS_MAX:
        return errors
    first = dict(islice(errors.items(), ERRORS_MAX))
    return {**first, "": [*first.get("", []), f"and {len(errors) - ERRORS_MAX} more members are wrong"]}


def pointers(messages: Any, at: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages, flattened: JSON pointer (RFC 6901) → messages."""
    if isinstance(messages, dict):
        found: dict[str, list[str]] = {}
        for name, inner in messages.items():
            token = str(name).replace("~", "~0").replace("/", "~1")
            found |= pointers(inner, at if name == "_schema" else f"{at}/{token}")
        return found
    return {at: [str(message) for message in messages]}
