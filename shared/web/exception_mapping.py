"""Mapping of exceptions to problem answers (RFC 9457). No internal detail and no API key gets into an answer."""

import json

import falcon
import msgspec
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from shared.eventsourcing.epochs import LogDiverged
from shared.eventsourcing.repository import TooMuchContention
from shared.observability.redaction import redact
from shared.runtime.clock import ClockInDoubt
from shared.runtime.flat_combining import Abandoned
from shared.sql.database import DatabaseBusy
from shared.web.operation import Answer
from shared.web.problems.catalogue import LANGUAGES, Problem, unavailable
from shared.web.requests.accept_language import preferred

PROBLEM_JSON = "application/problem+json"
_log = structlog.get_logger(__name__)


class ExceptionMapping:
    """Turns exceptions into problem+json answers."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def answer(
        self,
        error: Exception,
        *,
        method: str,
        route: str | None,
        path: str,
        request_id: str,
        accept_language: str | None,
    ) -> Answer:
        """The answer to an exception. `path`: as requested; `route`: its template, None if no route matched."""
        problem = problem_of(error, method, route)
        language = preferred(accept_language, LANGUAGES) if accept_language else LANGUAGES[0]
        body = problem.body(public_url=self._public_url, instance=path, request_id=request_id, language=language)
        # Redacted as a whole: a key may be in the path, in a parameter's name, in a member of the body.
        data = redact(msgspec.json.encode(body).decode()).encode()
        return Answer(
            status=problem.type.status,
            body=data,
            content_type=PROBLEM_JSON,
            headers=problem.headers,
            problem=problem.type.name,
        )


def with_problem_in(header: str, answer: Answer) -> Answer:
    """The answer with its problem repeated in a header, as ASCII JSON."""
    repeated = json.dumps(json.loads(answer.data()))
    return msgspec.structs.replace(answer, headers={**answer.headers, header: repeated})


def problem_of(error: Exception, method: str, route: str | None) -> Problem:
    """The problem for an exception. Logs what operators should know."""
    match error:
        case Problem():
            return error
        case falcon.HTTPError():
            return _of_falcon(error)
        case LogDiverged():
            return unavailable("log-diverged")
        case ClockInDoubt():
            return unavailable("clock-in-doubt")
        case DatabaseBusy() | TooMuchContention() | Abandoned():
            _log.warning("request_not_now", method=method, route=route, detail=str(error))
            return unavailable()
        case OperationalError() | InterfaceError() | PoolExhausted():
            # The driver's own message: SQLAlchemy's quotes the statement.
            detail = str(getattr(error, "orig", None) or type(error).__name__)
            _log.error("database_away", method=method, route=route, detail=detail)
            return unavailable()
        case _:
            _log.error("request_failed", method=method, route=route, exc_info=error)
            return Problem("internal-error")


def _of_falcon(error: falcon.HTTPError) -> Problem:
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
