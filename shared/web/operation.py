"""Operation: one HTTP method of one resource, declared. What it needs, takes and answers, and how it is served.

The declaration is the only place for each of these facts: the gate reads the permission from it, the request is
parsed by its schemas, and /openapi.json is made from it.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import falcon
import marshmallow
import msgspec
from marshmallow import Schema, post_load

from shared.gate.authentication.credential import Presented
from shared.gate.grants.grant import Grant
from shared.gate.quota.reserve import Reserve
from shared.web.requests.json_body import read_body
from shared.web.requests.query_parameters import preferred, read_query

JSON = "application/json"
_encode = msgspec.json.Encoder().encode
_NONE: Mapping[str, str] = MappingProxyType({})
Query = TypeVar("Query")
Body = TypeVar("Body")


class StrictSchema(Schema):
    """Schema that refuses unknown members. Loads into `shape`, if set: a frozen dataclass with the same names."""

    shape: ClassVar[type | None] = None

    class Meta:
        unknown = marshmallow.RAISE

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> Any:
        return data if self.shape is None else self.shape(**data)


class Call(msgspec.Struct, Generic[Query, Body], frozen=True, gc=False):
    """A request that was admitted and parsed. `caller`: the grant of the key that made it.

    `digest`: of the secret that it presented. `permission`: what the operation needs; None: any valid key will do.
    `headers`: those that the operation declares and the caller sent, by declared name. `media_type`: of those that the
    operation offers, the one that the caller prefers. `time`: the gate's, at the moment it is called. `address`: the
    caller's.
    """

    caller: Grant
    query: Query
    body: Body
    request_id: str
    time: Callable[[], float]
    headers: Mapping[str, str] = _NONE
    media_type: str = JSON
    digest: str = ""
    permission: str | None = None
    address: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP answer. `body`: a value that becomes JSON, or bytes as they are; `stream`: in its place, in pieces.

    `problem`: the problem's name if it is one, for the meter's record of the request.
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
    """The forwarded request that is judged, charged and recorded in place of the one that asks about it (forward-auth).

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
    """The declaration. `permission` None: any valid key will do. A method without an operation is open to all.

    `stands_for`: (resource, request, caller's address) → the other request that is judged in its place; raises Problem.
    `problem_header`: a header that repeats a problem's body, for callers whose proxy drops bodies.
    `name`: its operationId, where the rule of shared/web/openapi/naming.py has no good one. `example`: of a body.
    `reserve`: what it may draw on when the key's own limits are used up. `gives_up`: the calling key only ends its own
    power, which one that is suspended, expired or used from elsewhere may do, too.
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
    stands_for: StandsFor | None
    problem_header: str | None
    reserve: Reserve | None
    gives_up: bool
    alternatives: tuple[str, ...]
    name: str | None
    example: Mapping[str, Any] | None
    _handler: Handler
    _load_query: Schema | None
    _load_body: Schema | None

    def serve(
        self,
        resource: object,
        caller: Grant,
        digest: str,
        environ: Mapping[str, Any],
        request: falcon.Request | None,
        request_id: str,
        path: Mapping[str, str],
        gate_time: Callable[[], float],
        address: str,
    ) -> Answer:
        """Parses the request and calls the handler. `request` None: no query, no body. Raises Problem."""
        query = body = None
        if request is not None or self._load_query is not None:
            query = read_query(request, self._load_query)
        if request is not None and self._load_body is not None:
            body = read_body(request, self._load_body)
        headers = _given(environ, self.headers) if self.headers else _NONE
        media_type = JSON
        if self.alternatives:
            media_type = preferred(environ.get("HTTP_ACCEPT"), (JSON, *self.alternatives))
        call = Call(caller, query, body, request_id, gate_time, headers, media_type, digest, self.permission, address)
        answer = self._handler(resource, call, **path)
        if not self.alternatives:
            return answer
        return msgspec.structs.replace(answer, headers={**answer.headers, "Vary": "Accept"})


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
    stands_for: StandsFor | None = None,
    problem_header: str | None = None,
    reserve: Reserve | None = None,
    gives_up: bool = False,
    alternatives: tuple[str, ...] = (),
    name: str | None = None,
    example: Mapping[str, Any] | None = None,
) -> Callable[[Handler], Handler]:
    """Declares a method that takes a Call (and the path's parameters) and returns an Answer.

    `problems`: names of those it may answer beyond those of every operation, and of every one that takes a body.
    `headers`: those it reads. `alternatives`: media types, besides JSON, that it answers in if the caller prefers them.
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
            stands_for=stands_for,
            problem_header=problem_header,
            reserve=reserve,
            gives_up=gives_up,
            alternatives=alternatives,
            name=name,
            example=example,
            _handler=handler,
            _load_query=query() if query else None,
            _load_body=body() if body else None,
        )
        return handler

    return decorate


@functools.lru_cache(maxsize=1024)
def operation_of(resource: object, method: str) -> Operation | None:
    """The operation that a resource declares for an HTTP method; None if it declares none."""
    return getattr(getattr(resource, f"on_{method.lower()}", None), "operation", None)


def _given(environ: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    given = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}") for name in names}
    return {name: value for name, value in given.items() if value is not None}
