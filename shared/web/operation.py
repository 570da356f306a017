"""One HTTP method of one resource, declared: what it needs, takes and answers.

The declaration is the only place for each of these facts: the gate reads the permission from it, the request is
parsed by its schemas, and /openapi.json is made from it.
"""

import functools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import falcon
import marshmallow
import msgspec
from marshmallow import Schema, post_load

from shared.gate.grants import Grant
from shared.web.parameters import fields_by_name, has_control_characters, unreadable
from shared.web.problems import Problem

JSON = "application/json"
BODY_BYTES_MAX = 64 * 1024
_DIGITS_MAX = 100
Query = TypeVar("Query")
Body = TypeVar("Body")


class StrictSchema(Schema):
    """Refuses unknown members. Loads into `shape`, a frozen dataclass with the same names, where one is given."""

    shape: ClassVar[type | None] = None

    class Meta:
        unknown = marshmallow.RAISE

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> Any:
        return data if self.shape is None else self.shape(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Query, Body]):
    """A request past the gate and past its schemas. `caller` is the key that made it.

    `headers`: those that the operation declares and the caller sent, by the name declared. `media_type`: of those that
    the operation can answer in, the one the caller likes best.
    """

    caller: Grant
    query: Query
    body: Body
    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body`: of any other media type than JSON an iterable of bytes, which are sent as they come."""

    body: Any
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`permission` None: any valid key will do. What declares no operation is open to all."""

    summary: str
    tag: str
    permission: str | None
    answers: type[Schema]
    status: int
    query: type[StrictSchema] | None
    body: type[StrictSchema] | None
    problems: tuple[str, ...]
    headers: tuple[str, ...]
    alternatives: tuple[str, ...]


def operation(
    summary: str,
    *,
    tag: str,
    permission: str | None,
    answers: type[Schema],
    status: int = 200,
    query: type[StrictSchema] | None = None,
    body: type[StrictSchema] | None = None,
    problems: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    alternatives: tuple[str, ...] = (),
) -> Callable[[Callable[..., Answer]], Callable[..., None]]:
    """Makes a Falcon responder of a method that takes a Call (and the path's parameters) and returns an Answer.

    `problems`: what it may answer beyond what every gated operation may. `headers`: those it heeds. `alternatives`:
    media types that it answers in, beside JSON, when the caller prefers them.
    """
    declared = Operation(
        summary=summary,
        tag=tag,
        permission=permission,
        answers=answers,
        status=status,
        query=query,
        body=body,
        problems=problems,
        headers=headers,
        alternatives=alternatives,
    )
    load_query, load_body = query() if query else None, body() if body else None

    def decorate(handler: Callable[..., Answer]) -> Callable[..., None]:
        @functools.wraps(handler)
        def responder(self: object, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
            if any(has_control_characters(value) for value in path.values()):
                raise Problem("not-found")
            call = Call(
                caller=req.context.verdict.grant,
                query=_query(req, load_query),
                body=_body(req, load_body),
                request_id=req.context.request_id,
                headers={name: value for name in headers if (value := req.get_header(name)) is not None},
                media_type=(alternatives and req.client_prefers((JSON, *alternatives))) or JSON,
            )
            answer = handler(self, call, **path)
            write(resp, answer)

        responder.operation = declared  # type: ignore[attr-defined]  # read back by operation_of
        return responder

    return decorate


def operation_of(resource: object, method: str) -> Operation | None:
    """What a resource declares for an HTTP method; None where it declares nothing."""
    return getattr(getattr(resource, f"on_{method.lower()}", None), "operation", None)


def write(resp: falcon.Response, answer: Answer) -> None:
    resp.status = answer.status
    resp.content_type = answer.media_type
    if answer.media_type == JSON:
        resp.data = msgspec.json.encode(answer.body)
    else:
        resp.stream = answer.body
    for name, value in answer.headers.items():
        resp.set_header(name, value)


def _query(req: falcon.Request, schema: Schema | None) -> Any:
    given = {name: value for name, value in req.params.items() if name != "api_key"}
    if schema is None:
        if given:
            raise Problem("invalid-request", f"unknown query parameters: {', '.join(sorted(given))}")
        return None
    known = fields_by_name(schema)
    for name in given.keys() & known:
        fault = unreadable(known[name], given[name])
        if fault is not None:
            raise Problem("invalid-request", f"{name}: {fault}")
    try:
        return schema.load(given)
    except marshmallow.ValidationError as error:
        unknown = sorted(given.keys() - known)
        if unknown:
            raise Problem("invalid-request", f"unknown query parameters: {', '.join(unknown)}") from None
        raise Problem("invalid-request", _in_words(error.messages)) from None


def _body(req: falcon.Request, schema: Schema | None) -> Any:
    if schema is None:
        return None
    raw = _read(req)
    if not raw:
        document: Any = {}
    else:
        if (req.content_type or "").partition(";")[0].strip().lower() != "application/json":
            raise Problem("unsupported-media-type")
        document = _parse(raw)
    try:
        return schema.load(document)
    except marshmallow.ValidationError as error:
        raise Problem("invalid-body", members={"errors": _pointers(error.messages)}) from None


def _read(req: falcon.Request) -> bytes:
    if (req.content_length or 0) > BODY_BYTES_MAX:
        raise Problem("body-too-large")
    try:
        raw: bytes = _stream(req).read(BODY_BYTES_MAX + 1)
    except (OSError, ValueError):
        # Too slow, cut off, or chunks that are none: the server's stream says so in its own way.
        raise Problem("invalid-request", "the body did not arrive whole") from None
    if len(raw) > BODY_BYTES_MAX:
        raise Problem("body-too-large")
    return raw


def _stream(req: falcon.Request) -> Any:
    """Bounded by the length, if there is one. Without (chunks, HTTP/2) the server ends the stream with the body."""
    is_chunked = "chunked" in (req.get_header("Transfer-Encoding") or "").lower()
    ends = is_chunked or req.env.get("wsgi.input_terminated", False)
    return req.stream if req.content_length is None and ends else req.bounded_stream


def _parse(raw: bytes) -> Any:
    """JSON as any reader understands it (RFC 8259, I-JSON): UTF-8, no member twice, no number out of bounds."""
    try:
        document = json.loads(
            raw.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_such_number,
            parse_float=_finite,
            parse_int=_short,
        )
        if b"\\u" in raw:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text anybody can store
        return document
    except RecursionError:
        raise Problem("invalid-request", "the body is nested too deep") from None
    except UnicodeError:
        raise Problem("invalid-request", "the body is not text in UTF-8") from None
    except ValueError as error:
        raise Problem("invalid-request", f"the body is not JSON: {error}") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _short(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise ValueError("a number is too large")
    return int(digits)


def _pointers(messages: Any, at: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages as JSON pointer (RFC 6901) → messages."""
    if isinstance(messages, dict):
        found: dict[str, list[str]] = {}
        for name, inner in messages.items():
            token = str(name).replace("~", "~0").replace("/", "~1")
            found |= _pointers(inner, at if name == "_schema" else f"{at}/{token}")
        return found
    return {at: [str(message) for message in messages]}


def _in_words(messages: Any) -> str:
    return "; ".join(f"{at.lstrip('/')}: {' '.join(texts)}" for at, texts in _pointers(messages).items())
