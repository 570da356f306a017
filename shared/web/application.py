"""WSGI application of a service: its public HTTP API, the same under eventlet's server and under Granian."""

from collections.abc import Callable, Sequence
from typing import Any

import falcon
from falcon.routing import CompiledRouter

from shared.gate.gate import Gate
from shared.gate.grants.replica import Replica
from shared.gate.verdict import Refusal
from shared.runtime.clock import Clock
from shared.web.admission import Admission, Wsgi
from shared.web.answers.compression import Compression
from shared.web.cors import Cors
from shared.web.exception_mapping import ExceptionMapping
from shared.web.http_methods import allowed_at, complete, is_unknown
from shared.web.openapi.document import OpenApi
from shared.web.operation import operation_of
from shared.web.problems.catalogue import Problem
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.request_identity import RequestIdentity
from shared.web.route import Route

NO_PROXIES = TrustedProxies()


def application(
    service: str,
    routes: Sequence[Route],
    gate: Gate,
    clock: Clock,
    *,
    public_url: str,
    is_ready: Callable[[], bool],
    is_writing: Callable[[], bool] | None = None,
    documented: Callable[[], Sequence[Route]] | None = None,
    proxies: TrustedProxies = NO_PROXIES,
    cors_origins: Sequence[str] | None = None,
) -> Wsgi:
    """Builds the application. `is_ready`: whether the service can serve, apart from its gate.

    `is_writing`: whether there is room on its disk for what is not urgent; None: that is for its database to know.
    """
    identification, cors, faults = RequestIdentity(proxies), Cors(cors_origins), ExceptionMapping(public_url)
    # Any: Falcon's annotations ask for generic protocols, which a list of different middlewares does not satisfy.
    middleware: list[Any] = [identification, cors]
    router = CompiledRouter()
    app = falcon.App(middleware=middleware, router=router)
    app.req_options.strip_url_path_trailing_slash = True
    errors = _Errors(faults, router, identification)
    app.add_error_handler((Exception, falcon.HTTPError), errors.answer)
    own = [
        Route("/openapi.json", OpenApi(documented or (lambda: routes), public_url)),
        Route("/healthz", _Alive()),
        Route("/readyz", _Ready(gate.replica, is_ready, is_writing)),
    ]
    for path, resource in (*routes, *own):
        if "gate" in getattr(type(resource), "__annotations__", ()):
            resource.gate = gate  # type: ignore[attr-defined]  # one that judges keys that others were shown
        complete(resource)
        app.add_route(path, resource)
    declared = {
        (resource, method): operation
        for _, resource in routes
        for method in falcon.COMBINED_METHODS
        if (operation := operation_of(resource, method)) is not None
    }
    admission = Admission(
        Compression(app),
        app.req_options,
        router,
        declared,
        gate,
        clock,
        service=service,
        identification=identification,
        cors=cors,
        faults=faults,
    )
    return admission.answer


class _Alive:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "alive"}


class _Ready:
    def __init__(self, replica: Replica, is_ready: Callable[[], bool], is_writing: Callable[[], bool] | None) -> None:
        self._replica, self._is_ready, self._is_writing = replica, is_ready, is_writing

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        ready = self._replica.is_fresh() and self._is_ready()
        not_ready = Refusal.LOG_DIVERGED.value if self._replica.is_log_diverged else "not ready"
        resp.status = 200 if ready else 503
        # One that only reads, and ends keys, serves most of those who ask: it stays in rotation.
        resp.media = {"status": "ready" if ready else not_ready}
        if self._is_writing is not None:
            resp.media["writing"] = self._is_writing()


class _Errors:
    """Falcon's error handler: answers problem+json, as declared operations do."""

    def __init__(self, faults: ExceptionMapping, router: CompiledRouter, identification: RequestIdentity) -> None:
        self._faults, self._router, self._identification = faults, router, identification

    def answer(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
        if isinstance(error, falcon.HTTPError) and is_unknown(req.method):
            error = self._unknown_method(req)
        if not hasattr(req.context, "request_id"):
            # Falcon refuses some methods before any middleware sees the request.
            self._identification.process_request(req, resp)
        answer = self._faults.answer(
            error,
            method=req.method,
            route=req.uri_template,
            path=req.path,
            request_id=req.context.request_id,
            accept_language=req.get_header("Accept-Language"),
        )
        resp.status, resp.content_type, resp.data = answer.status, answer.content_type, answer.data()
        for name, value in answer.headers.items():
            resp.set_header(name, value)
        if "api_key" in req.params:
            # Also where no gate was asked: a cache would keep the answer under a URL that holds a key.
            resp.set_header("Cache-Control", "private, no-store")

    def _unknown_method(self, req: falcon.Request) -> Problem:
        allow = allowed_at(self._router, req)
        return Problem("not-found") if allow is None else Problem("method-not-allowed", headers={"Allow": allow})
