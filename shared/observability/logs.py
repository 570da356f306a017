"""Structured logs: one JSON object a line on standard error, with API keys cut out of the whole line."""

import logging
import sys
from contextvars import ContextVar
from typing import Any

import structlog

from shared.observability.redaction import redact

# The request that is being answered: (request id, caller's address). Every log line about it has both.
request: ContextVar[tuple[str, str] | None] = ContextVar("request", default=None)


def configure(level: str = "INFO") -> None:
    """Sends structlog's and the standard library's records the same way. Call once, at a composition root."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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
    # At INFO they write a line for every frame, worker and pull; amqp warns at the close of every RPC connection.
    for noisy in ("kombu", "nameko", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("amqp").setLevel(logging.ERROR)


def _add_request(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    answering = request.get()
    if answering is not None:
        line["request_id"], line["address"] = answering
    return line


def _redacted(_logger: object, _method: str, line: Any) -> str:
    """The last step: names, values and tracebacks are one text by now, and JSON escapes no character of a key."""
    return redact(line)
