"""One HTTP method of one resource, declared: what it needs, takes and answers, and how it is served.

The declaration is the only place for each of these facts: the gate reads the permission from it, the request is
parsed by its schemas, and /openapi.json is made from it.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import falcon
import marshmallow
import msgspec
from marshmallow import Schema, post_load

from shared.gate.credential import Presented
from shared.gate.grants import Grant
from shared.web.parameters import fields_by_name, has_control_characters, preferred, unreadable
from shared.web.problems import Problem

JSON = "application/json"
BODY_BYTES_MAX = 64 * 1024
_DIGITS_MAX = 100
_encode = msgspec.json.Encoder().encode
_NONE: Mapping[str, str] = MappingProxyType({})
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


class Call(msgspec.Struct, Generic[Query, Body], frozen=True, kw_only=True):
    """A request past the gate and past its schemas. `caller` is the key that made it.

    `headers`: those that the operation declares and the caller sent, by the name declared. `media_type`: of those that
    the operation can answer in, the one the caller likes best.
    """

    caller: Grant
    query: Query
    body: Body
    request_id: str
    headers: Mapping[str, str] = _NONE
    media_type: str = JSON


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`body`: what becomes JSON, or bytes that are of the content type already; `stream`: instead, piece by piece.

    `problem`: the name of the problem that it is, for the record of the request.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = _NONE
    content_type: str = JSON
    stream: Iterable[bytes] | None = None
    problem: str | None = None

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else _encode(self.body)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The request that is judged, charged and recorded in place of the one that asks: forward-auth's original.

    `path`: as it is echoed in problems; `route`: as usage counts it.
    """

    presented: Presented
    permission: str | None
    method: str
    route: str
    path: str


Handler = Callable[..., Answer]
StandsFor = Callable[[Any, falcon.Request, str], Judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`permission` None: any valid key will do. What declares no operation is open to all.

    `stands_for`: (resource, request, caller's address) → what is judged, where that is another request; raises Problem.
    `problem_header`: repeats a problem's body, for those whose proxy drops bodies.
    """

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
    stands_for: StandsFor | None
    problem_header: str | None
    _handler: Handler
    _load_query: Schema | None
    _load_body: Schema | None

    def serve(
        self,
        resource: object,
        caller: Grant,
        environ: Mapping[str, Any],
        request: falcon.Request | None,
        request_id: str,
        path: Mapping[str, str],
    ) -> Answer:
        """`request` None: there is no query and no body to read. Raises Problem, and whatever the handler does."""
        if path and any(has_control_characters(value) for value in path.values()):
            raise Problem("not-found")
        call = Call(
            caller=caller,
            query=None if request is None and self._load_query is None else read_query(request, self._load_query),
            body=None if request is None or self._load_body is None else _body(request, self._load_body),
            request_id=request_id,
            headers=_given(environ, self.headers) if self.headers else _NONE,
            media_type=preferred(environ.get("HTTP_ACCEPT"), (JSON, *self.alternatives)) if self.alternatives else JSON,
        )
        return self._handler(resource, call, **path)


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
    stands_for: StandsFor | None = None,
    problem_header: str | None = None,
) -> Callable[[Handler], Handler]:
    """Declares a method that takes a Call (and the path's parameters) and returns an Answer.

    `problems`: what it may answer beyond what every gated operation may. `headers`: those it heeds. `alternatives`:
    media types that it answers in, beside JSON, when the caller prefers them.
    """

    def decorate(handler: Handler) -> Handler:
        handler.operation = Operation(  # type: ignore[attr-defined]  # read back by operation_of
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
            stands_for=stands_for,
            problem_header=problem_header,
            _handler=handler,
            _load_query=query() if query else None,
            _load_body=body() if body else None,
        )
        return handler

    return decorate


@functools.lru_cache(maxsize=1024)
def operation_of(resource: object, method: str) -> Operation | None:
    """What a resource declares for an HTTP method; None where it declares nothing."""
    return getattr(getattr(resource, f"on_{method.lower()}", None), "operation", None)


def _given(environ: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    given = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}") for name in names}
    return {name: value for name, value in given.items() if value is not None}


def read_query(req: falcon.Request | None, schema: Schema | None, *, credential: bool = True) -> Any:
    """Raises Problem. `credential`: whether an API key may stand in it, which is then the gate's to read."""
    params = {} if req is None else req.params
    given = {name: value for name, value in params.items() if not (credential and name == "api_key")}
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


def _body(req: falcon.Request, schema: Schema) -> Any:
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
