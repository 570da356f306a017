"""Transactions on one service's database: SQLite files when embedded, PostgreSQL in production.

A writing transaction on SQLite takes a lock of this process before BEGIN IMMEDIATE, and never waits inside SQLite:
embedded, every service shares one thread of execution, and a wait in C would stop them all. For the same
reason nothing may wait, print or call out between the start of a transaction and its end.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from shared.observability import saturation
from shared.runtime.room import Room
from shared.sql.connections import sqlite_files
from shared.sql.connections.stale_connections import ping_when_rested
from shared.sql.dialect_functions import upsert_for
from shared.sql.disk_full import DiskFull
from shared.sql.time_limits import LIFTED, LIMITS_DEFAULT, TimeLimits, at_most, tell_as_away

CONNECT_SECONDS_MAX = 5
UNANSWERED_MILLISECONDS_MAX = 10_000
PROBE_SECONDS = 5  # of silence, after which an end asks whether the other is there


class DatabaseBusy(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: others have held the write lock for {sqlite_files.WRITE_WAIT_SECONDS_MAX:.0f} s")


AWAY = (OperationalError, InterfaceError, PoolExhausted, DatabaseBusy)
"""What a database raises that is away or too busy, whatever it was asked."""


class DatabaseUrlWrong(Exception):
    """The URL cannot be used. The text never quotes it: it may hold a password."""

    def __init__(self, setting: str = "DATABASE_URL") -> None:
        super().__init__(
            f"{setting} is not the address of a database; it must read postgresql+psycopg://USER:PASSWORD@HOST/NAME."
        )


class Database:
    """`transaction()` to write, `reading()` for one consistent view; both yield a SQLAlchemy connection."""

    def __init__(self, url: str | URL, limits: TimeLimits = LIMITS_DEFAULT) -> None:
        """Raises DatabaseUrlWrong; connects to nothing yet. `limits`: of PostgreSQL, where the URL's own go before."""
        try:
            self.engine: Engine = create_engine(url, hide_parameters=True, **_engine_options(make_url(url), limits))
        except (ArgumentError, ImportError, ValueError):
            raise DatabaseUrlWrong from None
        self.name = self.engine.url.database or ""
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        saturation.database_connections_max.inc(self._connections_max())
        self._has_to_forget = self.is_sqlite
        self._room: Room | None = None
        self._write_lock = threading.Lock()
        if self.is_sqlite:
            if "mode" not in self.engine.url.query:
                event.listen(self.engine, "do_connect", sqlite_files.create_private)
                event.listen(self.engine, "connect", sqlite_files.enter_wal)
            event.listen(self.engine, "connect", sqlite_files.prepare)
            event.listen(self.engine, "begin", sqlite_files.begin)
            self._for_one_statement = self.engine.execution_options(grillo_once=True)
        else:
            ping_when_rested(self.engine)
            event.listen(self.engine, "handle_error", tell_as_away, retval=True)
            self._for_one_statement = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    def sqlite(cls, path: Path, room: Room | None = None) -> "Database":
        """`room`: of its disk, some of which is kept for what is urgent."""
        made = cls(URL.create("sqlite", database=str(path)))
        made._room = room
        return made

    def check_room(self, *, urgent: bool = False) -> None:
        """Raises DiskFull where this may not be written any more. Only for a file of our own."""
        if self._room is None:
            return
        try:
            self._room.check(urgent=urgent)
        except OSError as error:
            raise DiskFull(error) from None

    @classmethod
    def sqlite_to_read(cls, path: Path) -> "Database":
        """Not a byte of the file nor of its write-ahead log changes, also where that is damaged at its end."""
        uri = f"file:{quote(str(path.absolute()))}"
        return cls(URL.create("sqlite", database=uri, query={"mode": "ro", "uri": "true"}))

    @contextmanager
    def transaction(
        self, *, durable: bool = True, unlimited: bool = False, urgent: bool = False
    ) -> Iterator[Connection]:
        """Commits at the end, rolls back on any exception. Raises DatabaseBusy, and DiskFull.

        Not `durable`: does not wait for the disk, for data that can be had again from elsewhere. A crash of the machine
        may undo the latest of such transactions, each as a whole. A durable one makes all before it durable, too.
        `unlimited`: however long it takes (TimeLimits), for what goes through everything there is. `urgent`: it may use
        the room on the disk that is kept for ending keys.
        """
        self.check_room(urgent=urgent)
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                if not durable:
                    connection.execute(text("SET LOCAL synchronous_commit = off"))
                if unlimited:
                    connection.execute(text(LIFTED))
                yield connection
            return
        deadline = time.monotonic() + sqlite_files.WRITE_WAIT_SECONDS_MAX
        if not self._write_lock.acquire(timeout=sqlite_files.WRITE_WAIT_SECONDS_MAX):
            raise DatabaseBusy(self.name)
        try:
            options = {"grillo_writes": True, "grillo_durable": durable}
            with self.engine.connect().execution_options(**options) as connection:
                self._begin(connection, deadline)
                with connection.get_transaction() or connection.begin():
                    yield connection
        finally:
            self._write_lock.release()

    @contextmanager
    def writing_once(self, *, urgent: bool = False) -> Iterator[Connection]:
        """For a single statement that need not be durable, with `NotDurable` among its conditions; as `transaction`.

        PostgreSQL is asked once, where beginning, saying so and committing would make it four times.
        """
        if self.is_sqlite:
            with self.transaction(durable=False, urgent=urgent) as connection:
                yield connection
            return
        self.check_room(urgent=urgent)
        with self._for_one_statement.begin() as connection:
            yield connection

    @contextmanager
    def reading(
        self, *, once: bool = False, unlimited: bool = False, seconds_max: float | None = None
    ) -> Iterator[Connection]:
        """A read-only snapshot: everything read inside is as of one moment.

        `once`: for a single statement, which is a snapshot by itself: it needs no transaction.
        `unlimited`: as of `transaction`. `seconds_max`: of each statement, on SQLite of all together; raises
        TookTooLong. Not with `once`.
        """
        with (self._for_one_statement if once else self.engine).connect() as connection:
            if not self.is_sqlite and not once:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if unlimited and not self.is_sqlite:
                    connection.execute(text(LIFTED))
                with contextlib.nullcontext() if seconds_max is None else at_most(connection, seconds_max):
                    yield connection

    def answers(self) -> bool:
        """Whether the database answers a query; for readiness."""
        try:
            with self.reading() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def forget(self) -> None:
        """Truncates SQLite's write-ahead log, so that deleted rows cannot be read there any more.

        A reader may prevent that; `finish_forgetting` tries again. PostgreSQL removes deleted rows when it vacuums.
        """
        self._has_to_forget = self.is_sqlite
        self.finish_forgetting()

    def finish_forgetting(self) -> None:
        """Truncates the write-ahead log if that is due; at first it is, as an earlier process may have left rows."""
        if not self._has_to_forget:
            return
        connection = self.engine.raw_connection()
        try:
            with self._write_lock, contextlib.suppress(sqlite3.OperationalError):
                is_busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._has_to_forget = bool(is_busy)
        finally:
            connection.close()

    def close(self) -> None:
        saturation.database_connections_max.dec(self._connections_max())
        self.engine.dispose()

    def _connections_max(self) -> int:
        """0 where the URL asks for another pool, as SQLite's in memory."""
        pool = self.engine.pool
        return pool.connections_max if isinstance(pool, saturation.CountedPool) else 0

    def _begin(self, connection: Connection, deadline: float) -> None:
        while True:
            try:
                connection.begin()
            except OperationalError as error:
                if not sqlite_files.is_locked(error.orig):
                    raise
                if time.monotonic() > deadline:
                    raise DatabaseBusy(self.name) from error
                time.sleep(sqlite_files.RETRY_SECONDS)
            else:
                return


def upsert(connection: Connection, table: Table) -> Any:
    """INSERT … ON CONFLICT: the statement class of the connection's dialect. Both have the same methods."""
    return upsert_for(connection.dialect.name, table)


def _engine_options(url: URL, limits: TimeLimits) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        connecting = {"timeout": 0, "check_same_thread": False}
        return {"connect_args": connecting, "pool_size": 20, "max_overflow": 20, "poolclass": saturation.CountedPool}
    # A server that accepts connections but never answers, or a broken network, must not hold a thread for minutes.
    timeouts = {"connect_timeout": CONNECT_SECONDS_MAX, "tcp_user_timeout": UNANSWERED_MILLISECONDS_MAX}
    timeouts |= {"keepalives_idle": PROBE_SECONDS, "keepalives_interval": PROBE_SECONDS}
    # Nor the server a lock for a client that is gone. Of an option given twice PostgreSQL takes the last.
    of_server = f"-c tcp_user_timeout={UNANSWERED_MILLISECONDS_MAX}"
    of_server += f" -c tcp_keepalives_idle={PROBE_SECONDS} -c tcp_keepalives_interval={PROBE_SECONDS}"
    options = {"options": " ".join((limits.options(), of_server, *_texts(url.query.get("options"))))}
    # As many as a process has threads: a connection beyond the pool's size is opened and closed for each use. The one
    # used last is next: its server process has plans and pages at hand, and need not be pinged.
    pool = {"pool_size": 20, "pool_use_lifo": True, "poolclass": saturation.CountedPool}
    return pool | {"connect_args": {**timeouts, **options}}


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()
