"""A service's HTTP door: a Falcon WSGI app, the same under eventlet's server and under Granian."""

from collections.abc import Callable, Sequence
from typing import Any

import falcon
import msgspec
import structlog
from falcon.routing import CompiledRouter
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from shared.clock import Clock
from shared.database import DatabaseBusy
from shared.gate.gate import Gate
from shared.redaction import redact
from shared.repository import TooMuchContention
from shared.web.admission import Admission, Identification, give_request_id
from shared.web.caller import Proxies
from shared.web.cors import Cors
from shared.web.methods import allowed_at, complete, is_unknown
from shared.web.openapi import OpenApi
from shared.web.problem_pages import ProblemPage
from shared.web.problems import Problem, unavailable
from shared.web.route import Route

NO_PROXIES = Proxies()
_log = structlog.get_logger(__name__)


def application(
    service: str,
    routes: Sequence[Route],
    gate: Gate,
    clock: Clock,
    *,
    public_url: str,
    is_ready: Callable[[], bool],
    documented: Sequence[Route] = (),
    proxies: Proxies = NO_PROXIES,
    cors_origins: Sequence[str] | None = None,
) -> falcon.App[falcon.Request, falcon.Response]:
    """`is_ready`: whether the service can serve, beyond its gate being fresh. `cors_origins`: see Cors."""
    # Falcon's own annotations ask for its generic protocols, spelled out; a list of parts satisfies none of them.
    middleware: list[Any] = [Identification(proxies), Cors(cors_origins), Admission(gate, clock, service)]
    router = CompiledRouter()
    app = falcon.App(middleware=middleware, router=router)
    app.req_options.strip_url_path_trailing_slash = True
    errors = _Errors(public_url, router)
    app.add_error_handler(Exception, errors.unexpected)
    app.add_error_handler(falcon.HTTPError, errors.from_falcon)
    app.add_error_handler((DatabaseBusy, TooMuchContention), errors.busy)
    app.add_error_handler((OperationalError, InterfaceError, PoolExhausted), errors.database_away)
    app.add_error_handler(Problem, errors.problem)
    own = [
        Route("/openapi.json", OpenApi(documented or routes, public_url)),
        Route("/problems/{name}", ProblemPage()),
        Route("/healthz", _Alive()),
        Route("/readyz", _Ready(lambda: gate.replica.is_fresh() and is_ready())),
    ]
    for path, resource in (*routes, *own):
        complete(resource)
        app.add_route(path, resource)
    return app


class _Alive:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "alive"}


class _Ready:
    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        ready = self._is_ready()
        resp.status = 200 if ready else 503
        resp.media = {"status": "ready" if ready else "not ready"}


class _Errors:
    """Turns every exception into one problem+json answer that gives nothing away."""

    def __init__(self, public_url: str, router: CompiledRouter) -> None:
        self._public_url, self._router = public_url, router

    def problem(self, req: falcon.Request, resp: falcon.Response, problem: Problem, params: dict[str, Any]) -> None:
        resp.status = problem.type.status
        req.context.problem = problem.type.name
        resp.content_type = "application/problem+json"
        # Falcon refuses some methods before any middleware has seen the request.
        request_id = getattr(req.context, "request_id", None) or give_request_id(req, resp)
        body = problem.body(public_url=self._public_url, instance=req.path, request_id=request_id)
        # As a whole: a key may be in the path, in the name of a parameter, in a member of the body.
        resp.data = redact(msgspec.json.encode(body).decode()).encode()
        for name, value in problem.headers.items():
            resp.set_header(name, value)

    def from_falcon(
        self, req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: dict[str, Any]
    ) -> None:
        problem = self._unknown_method(req) if is_unknown(req.method) else _as_problem(error)
        self.problem(req, resp, problem, params)

    def _unknown_method(self, req: falcon.Request) -> Problem:
        allow = allowed_at(self._router, req)
        return Problem("not-found") if allow is None else Problem("method-not-allowed", headers={"Allow": allow})

    def busy(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
        _log.warning("request_not_now", method=req.method, route=req.uri_template, detail=str(error))
        self.problem(req, resp, unavailable(), params)

    def database_away(
        self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
    ) -> None:
        # The driver's own words: SQLAlchemy's quote the statement.
        detail = str(getattr(error, "orig", None) or type(error).__name__)
        _log.error("database_away", method=req.method, route=req.uri_template, detail=detail)
        self.problem(req, resp, unavailable(), params)

    def unexpected(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
        _log.error("request_failed", method=req.method, route=req.uri_template, exc_info=error)
        self.problem(req, resp, Problem("internal-error"), params)


def _as_problem(error: falcon.HTTPError) -> Problem:
    match falcon.http_status_to_code(error.status):
        case 404:
            return Problem("not-found")
        case 405:
            return Problem("method-not-allowed", headers=dict(error.headers or {}))
        case 413:
            return Problem("body-too-large")
        case status if status >= 500:
            return Problem("internal-error")
        case _:
            return Problem("invalid-request", error.title)
