"""Structured logs: one JSON object a line on standard error, with API keys cut out of the whole line."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import structlog

from shared.observability import trace_context
from shared.observability.once_a_minute import OnceAMinute
from shared.observability.redaction import redact

_ERRORS = ("error", "exception", "critical")
_KINDS_MAX, _KIND_CHARACTERS = 1000, 100
_SAID_MAX = 500
_OF_A_REQUEST = ("request_id", "address", "trace_id")
# The request that is being answered: (request id, caller's address). Every log line about it has both.
request: ContextVar[tuple[str, str] | None] = ContextVar("request", default=None)


def configure(level: str = "INFO") -> None:
    """Sends structlog's and the standard library's records the same way. Call once, at a composition root."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        Repetitions(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Lines(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
                _redacted,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # At INFO they write a line for every frame, worker and pull, and for each connection that a stopped database ended;
    # amqp warns at the close of every RPC connection. SQLAlchemy names a pool's lines by its class.
    for noisy in ("kombu", "nameko", "alembic", "httpx", "shared.observability.saturation.CountedPool"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("amqp").setLevel(logging.ERROR)


class _Lines(logging.StreamHandler[Any]):
    """Drops a library's line where Repetitions say so. structlog does that for its own lines only: out of a library's
    `logger.warning` DropEvent, which is no Exception, would end the thread that was about to connect once more."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(structlog.DropEvent):
            super().emit(record)


class Repetitions:
    """Processor that lets one line a minute pass of each kind of error, which says how many it stands for (`cases`).

    What fails five times a second while a disk is full must not fill the next one with tracebacks. So with warnings
    that say the same of everything but the request: a gate that cannot pull says so each second.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._told = OnceAMinute(now)
        # Apart: warnings may name anything, and must not use up the room of errors.
        self._errors, self._warnings = set[tuple[str, str]](), set[tuple[str, str]]()

    def __call__(self, _logger: object, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if method not in (*_ERRORS, "warning"):
            return line
        is_error = method in _ERRORS
        kinds = self._errors if is_error else self._warnings
        kind = (str(line.get("event"))[:_KIND_CHARACTERS], _exception_in(line) if is_error else _said_in(line))
        if kind not in kinds:
            if len(kinds) >= _KINDS_MAX:
                return line
            kinds.add(kind)
        cases = self._told.due((method, *kind))
        if cases is None:
            raise structlog.DropEvent
        if cases > 1:
            line["cases"] = cases
        return line


def _exception_in(line: structlog.typing.EventDict) -> str:
    """The name of its class, or a word of the line that tells errors of one name apart."""
    told = line.get("exc_info")
    if isinstance(told, BaseException):
        return type(told).__name__
    if isinstance(told, tuple) and told[0] is not None:
        return str(told[0].__name__)
    if told and (now := sys.exc_info()[0]) is not None:
        return now.__name__
    return str(line.get("detail", line.get("service", "")))[:_KIND_CHARACTERS]


def _said_in(line: structlog.typing.EventDict) -> str:
    return repr(sorted((name, repr(value)) for name, value in line.items() if name not in _OF_A_REQUEST))[:_SAID_MAX]


def _add_request(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    answering, traceparent = request.get(), trace_context.current.get()
    if answering is not None:
        line["request_id"], line["address"] = answering
    if traceparent is not None:
        line["trace_id"] = trace_context.trace_id(traceparent)
    return line


def _redacted(_logger: object, _method: str, line: Any) -> str:
    """The last step: names, values and tracebacks are one text by now, and JSON escapes no character of a key."""
    return redact(line)
