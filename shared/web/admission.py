"""WSGI application in front of every declared operation: caller, gate, handler, answer, record, in this order.

What no operation declares is Falcon's to answer. It stands before Falcon's own request and response, because every
request of every integrator goes this way.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import falcon
from falcon.routing import CompiledRouter

from shared.gate.authentication.credential import Presented
from shared.gate.concurrency.slots import NONE_LEFT
from shared.gate.gate import Gate
from shared.gate.verdict import Verdict
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.values.frozen_struct import FrozenStruct
from shared.web.answer_headers import BODILESS, answer_headers, kept_by_nobody
from shared.web.answers.compression import BYTES_MIN, encoded
from shared.web.answers.holding_stream import Held, HoldingStream, dropped, end_dropped
from shared.web.cors import Cors
from shared.web.exception_mapping import ExceptionMapping, with_problem_in
from shared.web.operation import Operation
from shared.web.problems.catalogue import Problem
from shared.web.problems.refusals import refusal_problem
from shared.web.requests.call import NETWORK, NETWORK_CHARACTERS_MAX
from shared.web.requests.query_parameters import has_control_characters, values_in_query
from shared.web.requests.request_identity import RequestIdentity

_READS: Final = ("GET", "HEAD")
# Most requests ask for few paths; who asks for many, or for long ones, gains nothing and costs a bounded memory.
_PATHS_MAX: Final = 2048
_PATH_CHARACTERS_MAX: Final = 200
StartResponse = Callable[..., Callable[[bytes], object]]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Found(FrozenStruct, frozen=True, gc=False):
    """What a path and a method lead to. `is_readable`: no value in the path has control characters.

    `reads_more`: whether its requests are read beyond their path and what WSGI says of them, also without a query.
    `networks`: the one that the path names, if it does.
    """

    operation: Operation
    resource: Any
    route: str
    parameters: Mapping[str, str]
    is_readable: bool
    reads_more: bool
    networks: tuple[str, ...]
    cors: tuple[tuple[str, str], ...]  # for callers that say no origin


class Admission:
    """`answer` is a WSGI application. `declared`: (resource, method) → its operation; `undeclared` answers what is not.

    A method with a name, for a compiled `__call__` tells nobody what it takes.
    """

    def __init__(
        self,
        undeclared: Wsgi,
        options: falcon.RequestOptions,
        router: CompiledRouter,
        declared: Mapping[tuple[object, str], Operation],
        gate: Gate,
        clock: Clock,
        *,
        service: str,
        identification: RequestIdentity,
        cors: Cors,
        faults: ExceptionMapping,
    ) -> None:
        self._undeclared, self._options, self._router, self._declared = undeclared, options, router, declared
        self._find_again = lru_cache(maxsize=_PATHS_MAX)(self._find)
        self._gate, self._replica, self._elapsed_seconds = gate, gate.replica, clock.elapsed_seconds
        self._service, self._note = service, metrics.request_counts.note
        self._identify, self._cors, self._faults = identification.identify, cors, faults

    def answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if dropped:
            end_dropped()
        held = Held()
        try:
            body = self._answer(environ, start_response, held)
        except BaseException:  # also what ends a thread or a greenlet: whatever happens, its slot is free
            self._end(held.verdict)
            raise
        verdict = held.verdict
        if verdict is None or verdict.slots_left == NONE_LEFT:
            return body
        if isinstance(body, list):
            self._gate.end(verdict)
            return body
        try:
            return HoldingStream(body, lambda: self._end(verdict))
        except BaseException:
            self._end(verdict)
            raise

    def _end(self, verdict: Verdict | None) -> None:
        if verdict is not None:
            self._gate.end(verdict)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse, held: Held) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        found = (self._find_again if len(path) <= _PATH_CHARACTERS_MAX else self._find)(path, method)
        if found is None:
            return self._undeclared(environ, start_response)
        began = self._elapsed_seconds()
        operation, route = found.operation, found.route
        request_id, caller = self._identify(environ)
        # Falcon's request reads queries and bodies; most requests have neither.
        is_more = found.reads_more or environ.get("QUERY_STRING")
        request = falcon.Request(environ, self._options) if is_more else None
        verdict = judged = None
        permission, networks = operation.permission, found.networks
        error: Exception | None
        try:
            if operation.stands_for is None or request is None:
                keys: tuple[str, ...] = ()
                if request is not None:
                    keys, named = values_in_query(request, "api_key"), values_in_query(request, NETWORK)
                    networks = networks + named if named else networks
                presented = Presented(environ.get("HTTP_AUTHORIZATION"), keys, caller)
                reserve, gives_up, answers = operation.reserve, operation.gives_up, not operation.is_verdict
                held.verdict = verdict = self._gate.admit(
                    presented, permission, began, reserve=reserve, gives_up=gives_up, networks=networks, answers=answers
                )
            else:
                judged = operation.stands_for(found.resource, request, caller)
                permission = judged.permission
                presented, networks = judged.presented, judged.networks
                verdict = self._gate.admit(presented, permission, began, networks=networks, answers=False)
            if verdict.refusal is not None:
                error = refusal_problem(verdict, verdict.refusal, permission, presented.address)
            elif not found.is_readable:
                error = Problem("not-found")
            else:
                error = None
                admitted: Any = verdict.grant  # who passes has one
                digest, parameters, now = verdict.digest, found.parameters, self._replica.time
                answer = operation.serve(
                    found.resource, admitted, digest, environ, request, request_id, parameters, now, caller
                )
                data = answer.data()
        except Exception as raised:
            error = raised
        if error is not None:
            told = _path(path) if judged is None else judged.path
            language = environ.get("HTTP_ACCEPT_LANGUAGE")
            answer = self._faults.answer(
                error, method=method, route=route, path=told, request_id=request_id, accept_language=language
            )
            data = answer.data()
            if operation.problem_header is not None:
                answer = with_problem_in(operation.problem_header, answer)
            error = None  # else it and this frame hold each other until a collection
        size = 0 if method == "HEAD" or answer.status in BODILESS else len(data)
        time, at = self._replica.as_of
        headers = answer_headers(verdict, answer, request_id, len(data), time + (began - at))
        if permission is not None:
            headers.append(("x-accepted-permission", permission))
        if request is not None and "api_key" in request.params:
            # Also where no gate was asked, or did not know the key: a cache keeps answers by their URL.
            headers = kept_by_nobody(headers)
        origin = environ.get("HTTP_ORIGIN")
        headers += found.cors if origin is None else self._cors.headers(operation, origin)
        status = answer.status
        if verdict is not None:
            seconds = self._elapsed_seconds() - began
            asked, counted = (method, route) if judged is None else (judged.method, judged.route)
            user_agent = environ.get("HTTP_USER_AGENT", "")
            network_id = answer.network_id or (_told_by(networks, status) if networks else None)
            self._gate.record(
                verdict,
                request_id,
                asked,
                counted,
                status,
                seconds,
                size,
                caller,
                user_agent,
                answer.problem,
                network_id,
            )
            self._note(self._service, method, route, status, seconds)
        # A list, and no other sequence: Granian sends it in one piece, as Falcon's.
        body: Iterable[bytes] = [data] if size else []
        if answer.stream is not None:
            if method != "HEAD":
                body = answer.stream
            elif (close := getattr(answer.stream, "close", None)) is not None:
                close()
        if status == 200 and method in _READS and (len(data) >= BYTES_MIN or answer.stream is not None):
            headers, body = encoded(environ, headers, body)
        start_response(_status_line(status), headers)
        return body

    def _find(self, raw_path: str, method: str) -> Found | None:
        found = self._router.find(_path(raw_path))
        operation = None if found is None else self._declared.get((found[0], method))
        if found is None or operation is None:
            return None
        resource, _, parameters, route = found
        network = parameters.get(NETWORK)
        return Found(
            operation=operation,
            resource=resource,
            route=route or "",
            parameters=parameters,
            is_readable=not any(map(has_control_characters, parameters.values())),
            reads_more=operation.body is not None or operation.stands_for is not None,
            networks=() if network is None else (network,),
            cors=self._cors.headers(operation, None),
        )


def _told_by(networks: tuple[str, ...], status: int) -> str | None:
    """The one network that a request named, if it was answered well: then there is such a network."""
    return networks[0] if len(networks) == 1 and status < 400 and len(networks[0]) <= NETWORK_CHARACTERS_MAX else None


def _path(raw: str) -> str:
    """As Falcon reads it: WSGI's text is bytes in disguise, and a slash at the end says nothing."""
    path = raw if raw.isascii() else raw.encode("latin-1").decode("utf-8", "replace")
    return path[:-1] if len(path) > 1 and path[-1] == "/" else path


_status_line = lru_cache(maxsize=128)(falcon.code_to_http_status)
