"""How much is in use of what a process has only so much of: connections to databases, threads, slots, allowances.

Each is of the moment of a scrape, or of the second before it: a peak between two scrapes is not seen.
"""

from typing import Any

from prometheus_client import Gauge
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

database_connections = Gauge(
    "grillo_database_connections",
    "Connections to databases that are in use, of all processes of the service. Not: of commands, nor who waits.",
    multiprocess_mode="livesum",
)
database_connections_max = Gauge(
    "grillo_database_connections_max",
    "How many of them these processes may have; who asks for one more waits. Not: what the server lets them have.",
    multiprocess_mode="livesum",
)
web_threads = Gauge(
    "grillo_web_threads",
    "Threads that answer requests, of all web processes of the service. Not: the internal door's, nor an embedded"
    " server's, which has none of its own.",
    multiprocess_mode="livesum",
)
quota_allowances = Gauge(
    "grillo_quota_allowances",
    "Keys that gates have an allowance of, or had one in the last minute or two. Not: where Redis does not count.",
    multiprocess_mode="livesum",
)
slots_in_use = Gauge(
    "grillo_slots_in_use",
    "Requests that hold one of their key's slots now, as of the last second. Not: of keys without such a limit.",
    multiprocess_mode="livesum",
)


class CountedPool(QueuePool):
    """A pool of connections, of which those in use are counted."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.connections_max = self.size() + self._max_overflow
        self._in_use: set[ConnectionPoolEntry] = set()

    def _do_get(self) -> ConnectionPoolEntry:
        entry = super()._do_get()  # which may come here again, and is still one connection
        if entry not in self._in_use:
            self._in_use.add(entry)
            database_connections.inc()
        return entry

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        self._in_use.discard(record)
        database_connections.dec()
        super()._do_return_conn(record)
