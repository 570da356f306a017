"""Structured logs: one JSON object a line on standard error, with API keys cut out of the whole line."""

import contextlib
import logging
import sys
from contextvars import ContextVar
from typing import Any

import structlog

from shared.observability import trace_context
from shared.observability.redaction import redact
from shared.observability.repetitions import Repetitions

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
