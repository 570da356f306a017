"""Operation: one HTTP method of one resource, declared. What it needs, takes and answers, and how it is served.

The declaration is the only place for each of these facts: the gate reads the permission from it, the request is
parsed by its schemas, and /openapi.json is made from it.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import falcon
import msgspec
from marshmallow import Schema

from shared.gate.grants.grant import Grant
from shared.gate.quota.reserve import Reserve
from shared.sql.idempotency_table import Keep
from shared.values.revision import RevisionDiffers
from shared.web.conditions.entity_tags import is_known, seen_revisions, tagged
from shared.web.conditions.idempotency import Attempt, Idempotency, attempt_of
from shared.web.problems.catalogue import Problem
from shared.web.requests.call import JSON, Answer, Call, Judged, StrictSchema
from shared.web.requests.json_body import BODY_BYTES_MAX, read_body
from shared.web.requests.query_parameters import preferred, read_query

__all__ = ["JSON", "Answer", "Call", "Judged", "Operation", "StrictSchema", "operation", "operation_of"]

Handler = Callable[..., Answer]
# (resource, call, subject) → the answer to a repetition: what was changed as it is now, without its secret.
Repeated = Callable[[Any, Any, str], Answer]
StandsFor = Callable[[Any, falcon.Request, str], Judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The declaration. `permission` None: any valid key will do. A method without an operation is open to all.

    `stands_for`: (resource, request, caller's address) → the other request that is judged in its place; raises Problem.
    It reads the query by itself: the handler is given none.
    `problem_header`: a header that repeats a problem's body, for callers whose proxy drops bodies.
    `conditional`: it changes a resource that has a revision, and honours If-Match; elsewhere If-Match is refused.
    `repeated`: how it answers what was done with the same Idempotency-Key before; None: it changes nothing, or the same
    whenever it is asked. `is_change`: whether a body asks for a change at all.
    `name`: its operationId, where the rule of shared/web/openapi/naming.py has no good one. `example`: of a body.
    `reserve`: what it may draw on when the key's own limits are used up. `gives_up`: the calling key only ends its own
    power, which one that is suspended, expired or used from elsewhere may do, too. `is_verdict`: a gate's word is all
    that it answers, so that it does not count among the requests that a key may have at the same time.
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
    is_verdict: bool
    alternatives: tuple[str, ...]
    conditional: bool
    repeated: Repeated | None
    is_change: Callable[[Any], bool]
    is_read: bool
    name: str | None
    example: Mapping[str, Any] | None
    ranged: bool
    body_bytes_max: int
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
        # What stands for another request was read with it, by `stands_for`.
        if self.stands_for is None and (request is not None or self._load_query is not None):
            query = read_query(request, self._load_query)
        if request is not None and self._load_body is not None:
            body = read_body(request, self._load_body, self.body_bytes_max)
        media_type = JSON
        if self.alternatives:
            media_type = preferred(environ.get("HTTP_ACCEPT"), (JSON, *self.alternatives))
        call = Call(caller, query, body, request_id, gate_time, media_type, digest, self.permission, address=address)
        if self.ranged:
            call = msgspec.structs.replace(
                call,
                byte_range=environ.get("HTTP_RANGE"),
                if_range=environ.get("HTTP_IF_RANGE"),
                if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
            )
        if self.stands_for is not None:
            # Its headers are those of the request it is asked about.
            return self._handler(resource, call, **path)
        answer = (self._read if self.is_read else self._change)(resource, call, environ, path)
        if not self.alternatives:
            return answer
        return msgspec.structs.replace(answer, headers={**answer.headers, "Vary": "Accept"})

    def _read(
        self, resource: object, call: Call[Any, Any], environ: Mapping[str, Any], path: Mapping[str, str]
    ) -> Answer:
        """With an ETag; 304 if the caller has just that."""
        if "HTTP_IF_MATCH" in environ:
            raise Problem("invalid-request", "If-Match: says which revision a change is based on; this changes nothing")
        answer = self._handler(resource, call, **path)
        if answer.stream is not None or answer.status != 200:
            return answer
        if "ETag" not in answer.headers:
            answer = tagged(answer)
        if_none_match = environ.get("HTTP_IF_NONE_MATCH")
        if if_none_match is not None and is_known(answer.headers["ETag"], if_none_match):
            return msgspec.structs.replace(answer, status=304, body=b"")
        return answer

    def _change(
        self, resource: Any, call: Call[Any, Any], environ: Mapping[str, Any], path: Mapping[str, str]
    ) -> Answer:
        """With the ETag of the resource as it is now, if it has a revision."""
        if "HTTP_IF_NONE_MATCH" in environ:
            raise Problem("invalid-request", "If-None-Match: asks whether what GET shows is new; this is no GET")
        if (if_match := environ.get("HTTP_IF_MATCH")) is not None:
            if not self.conditional:
                raise Problem("invalid-request", "If-Match: nothing that has a revision is changed here")
            call = msgspec.structs.replace(call, seen=seen_revisions(if_match))
        given = environ.get("HTTP_IDEMPOTENCY_KEY")
        try:
            if given is None or self.repeated is None or not self.is_change(call.body):
                answer = self._handler(resource, call, **path)
            else:
                target = environ["REQUEST_METHOD"], environ["PATH_INFO"].rstrip("/")
                attempt = attempt_of(given, call.caller.key_id, *target, (call.query, call.body))
                answer = self._once(attempt, resource, call, path)
        except RevisionDiffers as differs:
            raise Problem("precondition-failed", f"the resource is at revision {differs.actual}") from None
        return answer if answer.revision is None else tagged(answer)

    def _once(self, attempt: Attempt, resource: Any, call: Call[Any, Any], path: Mapping[str, str]) -> Answer:
        def change(keep: Keep) -> Answer:
            return self._handler(resource, msgspec.structs.replace(call, keep=keep), **path)

        def repeat(subject: str) -> Answer:
            answer = self.repeated(resource, call, subject)  # type: ignore[misc]  # it is not None here
            headers = {**answer.headers, "Idempotent-Replay": "true"}
            return msgspec.structs.replace(answer, headers=headers, status=self.status)

        store: Idempotency = resource.idempotency
        return store.once(attempt, change, repeat)


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
    is_verdict: bool = False,
    alternatives: tuple[str, ...] = (),
    conditional: bool = False,
    repeated: Repeated | None = None,
    is_change: Callable[[Any], bool] = lambda body: True,
    name: str | None = None,
    example: Mapping[str, Any] | None = None,
    ranged: bool = False,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> Callable[[Handler], Handler]:
    """Declares a method that takes a Call (and the path's parameters) and returns an Answer.

    `problems`: names of those it may answer beyond those of every operation, and of every one that takes a body.
    `headers`: those it reads, beside those of conditions. `alternatives`: media types, besides JSON, that it answers in
    if the caller prefers them. `ranged`: it serves parts of a file (RFC 9110, section 14).
    """
    problems += ("precondition-failed",) * conditional
    problems += tuple(name for name in ("conflict", "invalid-body") if repeated is not None and name not in problems)
    headers += ("Range", "If-Range") * ranged
    headers += ("If-Match",) * conditional + ("Idempotency-Key",) * (repeated is not None)

    def decorate(handler: Handler) -> Handler:
        is_read = handler.__name__ == "on_get" and stands_for is None
        handler.operation = Operation(  # type: ignore[attr-defined]  # read back by operation_of
            summary=summary,
            tag=tag,
            permission=permission,
            answers=answers,
            status=status,
            query=query,
            body=body,
            problems=problems,
            headers=(*headers, "If-None-Match") if is_read else headers,
            stands_for=stands_for,
            problem_header=problem_header,
            reserve=reserve,
            gives_up=gives_up,
            is_verdict=is_verdict,
            alternatives=alternatives,
            conditional=conditional,
            repeated=repeated,
            is_change=is_change,
            is_read=is_read,
            name=name,
            example=example,
            ranged=ranged,
            body_bytes_max=body_bytes_max,
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
