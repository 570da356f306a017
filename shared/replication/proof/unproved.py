"""Count of what was not believed for want of proof, with one line in the log a minute at most."""

import structlog

from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute

_lines = OnceAMinute()  # of the process
_log = structlog.get_logger(__name__)


def count(kind: str) -> None:
    """`kind`: pull, push, push_unfinished (its page's signature never came), snapshot or head."""
    metrics.unproved.labels(kind).inc()
    if (cases := _lines.due()) is not None:
        _log.warning("unproved", kind=kind, since_last_line=cases)
