"""Count of what was not believed for want of proof, with one line in the log a minute at most."""

import threading
import time

import structlog

from shared.observability import metrics

LINE_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Unproved:
    """Counts, by kind: pull, push, push_unfinished (its page's signature never came), snapshot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since_line, self._next_line_at = 0, float("-inf")

    def count(self, kind: str) -> None:
        metrics.unproved.labels(kind).inc()
        with self._lock:
            self._since_line += 1
            now = time.monotonic()
            if now < self._next_line_at:
                return
            told, self._since_line, self._next_line_at = self._since_line, 0, now + LINE_SECONDS
        _log.warning("unproved", kind=kind, since_last_line=told)


unproved = Unproved()  # the process's own
