"""Outbox relay: publishes every committed row of the log on the bus, in order, at least once.

The bus is only a doorbell. A publish that fails, or a process that dies before it, costs time and never an event: the
cursor moves after the broker has confirmed, and followers pull what they did not receive.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from sqlalchemy import BigInteger, Column, MetaData, String, Table, bindparam, select, update

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.envelopes import Envelopes
from shared.sql.database import Database
from shared.sql.dialect_functions import NotDurable

_PAGE_ROWS = 200
_REST_SECONDS_MAX = 0.01
_log = structlog.get_logger(__name__)


class BusUnavailable(Exception):
    """The broker did not take the message. Nothing is lost: it is published again later."""


class Bus(Protocol):
    def publish(self, events: Sequence[CloudEvent]) -> int:
        """Publishes in order. Returns how many, from the first on, the broker has confirmed; fewer if it is away."""
        ...


def relay_table(metadata: MetaData) -> Table:
    """Declares `relay_cursor`, the position up to which the log is published."""
    return Table(
        "relay_cursor",
        metadata,
        Column("name", String(32), primary_key=True),
        Column("position", BigInteger, nullable=False),
    )


class Relay:
    def __init__(
        self, database: Database, metadata: MetaData, store: SqlEventStore, envelopes: Envelopes, bus: Bus
    ) -> None:
        self._database, self._envelopes, self._bus = database, envelopes, bus
        cursor = metadata.tables["relay_cursor"]
        self._page = store.pages_after(select(cursor.c.position).scalar_subquery())
        # Built once: building it takes longer than running it. Never backwards: another's relay may be further on.
        to_position = bindparam("to_position", type_=BigInteger)
        forwards = cursor.c.position < to_position
        self._move_cursor = update(cursor).where(forwards, NotDurable()).values(position=to_position)
        self._one_at_a_time = threading.Lock()

    def run(self) -> int:
        """Publishes everything past the cursor; returns how many. Safe to run in any process, any number of times.

        Returns early when the bus is away.
        """
        published = 0
        with self._one_at_a_time:
            while batch := self._pending():
                confirmed = self._bus.publish(batch)
                if confirmed:
                    self._published(batch[confirmed - 1].position)
                published += confirmed
                # After a page that was not full there is nothing more, or an event whose own ring is yet to come.
                if confirmed < _PAGE_ROWS:
                    break
        return published

    def _pending(self) -> list[CloudEvent]:
        with self._database.reading(once=True) as tx:
            page = self._page(tx, _PAGE_ROWS)
        return [] if page is None else list(self._envelopes.envelopes(page.rows, page.epochs, page.previous))

    def _published(self, position: int) -> None:
        # Not durable: if a crash sets the cursor back, events are published again, and followers ignore them.
        with self._database.writing_once(urgent=True) as tx:
            tx.execute(self._move_cursor, {"to_position": position})


class Doorbell:
    """Runs a relay when it is rung, in a thread of its own; rings while it runs, and rests, become one more run.

    It rests as long as it ran, 10 ms at most: where much is committed, what comes meanwhile goes out as one page, and
    each follower has one page to apply and one place to acknowledge. Who rings alone waits for nothing.
    """

    def __init__(self, run: Callable[[], object], rest: Callable[[float], None] = time.sleep) -> None:
        """`rest`: waits so many seconds."""
        self._run, self._rest = run, rest
        self._rung = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        """Stops the thread, after a last run if it was rung before."""
        self._stopping = True
        self._rung.set()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            stopping = self._stopping  # read first, so that the last run covers every ring before the stop
            began = time.monotonic()
            try:
                self._run()
            except Exception:
                # The next ring or the timer tries again; the log keeps what was not published.
                _log.exception("relay_failed")
            if stopping:
                return
            self._rest(min(time.monotonic() - began, _REST_SECONDS_MAX))
