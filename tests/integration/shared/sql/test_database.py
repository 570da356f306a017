"""One writer at a time, in threads and in processes; whole transactions or nothing; and no waiting for ever."""

import os
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import OperationalError

from shared.runtime.clock import SystemClock
from shared.sql.connections import sqlite_files
from shared.sql.connections import stale_connections as pinging
from shared.sql.database import Database, DatabaseBusy
from shared.sql.dialect_functions import database_time
from tests.children import fork, wait
from tests.servers import Postgres

ROUNDS = 60


@pytest.fixture
def counters(database: Database) -> Database:
    """Two counters that every transaction moves together, reading before it writes."""
    with database.transaction() as tx:
        tx.execute(text("CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"))
        tx.execute(text("INSERT INTO counter VALUES ('left', 0), ('right', 0)"))
    return database


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "WRITE_WAIT_SECONDS_MAX", 0.05)


def values(database: Database) -> tuple[int, int]:
    with database.reading() as tx:
        left = tx.execute(text("SELECT value FROM counter WHERE name = 'left'")).scalar_one()
        right = tx.execute(text("SELECT value FROM counter WHERE name = 'right'")).scalar_one()
    return left, right


def count(database: Database, *, fail: bool = False) -> None:
    """Reads, then writes: a lost update would show in the sum, half a transaction in the difference."""
    with database.transaction() as tx:
        for name in ("left", "right"):
            value = tx.execute(text("SELECT value FROM counter WHERE name = :name"), {"name": name}).scalar_one()
            tx.execute(text("UPDATE counter SET value = :value WHERE name = :name"), {"name": name, "value": value + 1})
            if fail:
                raise ZeroDivisionError


def test_a_transaction_is_kept_whole_or_not_at_all(counters: Database) -> None:
    count(counters)
    with pytest.raises(ZeroDivisionError):
        count(counters, fail=True)
    assert values(counters) == (1, 1)


def test_a_reading_is_of_one_moment_however_much_is_written_meanwhile(counters: Database) -> None:
    with counters.reading() as tx:
        left = tx.execute(text("SELECT value FROM counter WHERE name = 'left'")).scalar_one()
        count(counters)
        right = tx.execute(text("SELECT value FROM counter WHERE name = 'right'")).scalar_one()
    assert (left, right) == (0, 0)
    assert values(counters) == (1, 1)


def test_threads_that_write_at_once_lose_no_update_and_are_never_seen_halfway(counters: Database) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            left, right = values(counters)
            assert left == right

    def write() -> None:
        for _ in range(ROUNDS):
            count(counters)

    with ThreadPoolExecutor(5) as pool:
        looking = pool.submit(look)
        writing = [pool.submit(write) for _ in range(4)]
        try:
            for future in writing:
                future.result()
        finally:
            done.set()
        looking.result()
    assert values(counters) == (4 * ROUNDS, 4 * ROUNDS)


def test_processes_that_write_at_once_lose_no_update_and_are_never_seen_halfway(counters: Database) -> None:
    url = counters.engine.url
    counters.close()

    def write() -> None:
        for _ in range(ROUNDS // 10):
            database = Database(url)
            for _ in range(10):
                count(database)
                left, right = values(database)
                assert left == right
            database.close()

    children = [fork(write) for _ in range(3)]
    assert [wait(child) for child in children] == [0, 0, 0]
    assert values(counters) == (3 * ROUNDS, 3 * ROUNDS)


def test_processes_that_open_a_new_file_at_once_all_get_in(tmp_path: Path) -> None:
    def open_and_write() -> None:
        for number in range(5):
            database = Database.sqlite(tmp_path / f"new-{number}.db")
            with database.transaction() as tx:
                tx.execute(text("CREATE TABLE IF NOT EXISTS arrival (process INTEGER)"))
                tx.execute(text("INSERT INTO arrival VALUES (1)"))
            database.close()

    children = [fork(open_and_write) for _ in range(4)]
    assert [wait(child) for child in children] == [0, 0, 0, 0]
    for number in range(5):
        database = Database.sqlite(tmp_path / f"new-{number}.db")
        with database.reading() as tx:
            assert tx.execute(text("SELECT count(*) FROM arrival")).scalar_one() == 4
        database.close()


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_waits_too_long_for_another_process_says_so_and_wrote_nothing(
    counters: Database, tmp_path: Path
) -> None:
    holder = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy, match="the write lock"):
        count(counters)
    assert values(counters) == (0, 0)
    holder.execute("ROLLBACK")
    count(counters)
    assert values(counters) == (1, 1)
    holder.close()


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_waits_too_long_for_another_thread_says_so_too(counters: Database) -> None:
    with counters.transaction(), ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseBusy):
        pool.submit(count, counters).result()
    count(counters)
    assert values(counters) == (1, 1)


def test_a_writer_gets_its_turn_as_soon_as_the_other_process_is_done(counters: Database, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "service.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    asked = threading.Event()

    def write() -> None:
        asked.set()
        count(counters)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        asked.wait()
        holder.execute("COMMIT")
        writing.result()
    assert values(counters) == (1, 1)
    holder.close()


def test_a_writer_of_a_process_that_was_killed_leaves_nothing_and_no_lock(counters: Database) -> None:
    url = counters.engine.url
    counters.close()

    def die_halfway() -> None:
        database = Database(url)
        with database.transaction() as tx:
            tx.execute(text("UPDATE counter SET value = 100 WHERE name = 'left'"))
            os.kill(os.getpid(), signal.SIGKILL)

    assert wait(fork(die_halfway)) == -9
    assert values(counters) == (0, 0)
    count(counters)
    assert values(counters) == (1, 1)


def test_what_is_not_a_lock_is_not_called_one(counters: Database) -> None:
    """Otherwise a disk that fails, or a file that may not be written, would read as another process's doing."""
    path = counters.engine.url.database
    read_only = Database(URL.create("sqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"}))
    with pytest.raises(OperationalError, match="readonly"):
        count(read_only)
    assert values(read_only) == (0, 0)
    read_only.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 0)],
)
def test_every_connection_is_durable_strict_and_never_waits_inside_sqlite(
    database: Database, pragma: str, value: object
) -> None:
    for begin in (database.reading, database.transaction):
        with begin() as tx:
            assert tx.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_what_need_not_be_durable_does_not_wait_for_the_disk_and_what_comes_after_does(database: Database) -> None:
    """Also on the very connection that the one before had."""
    levels = []
    for durable in (False, False, True, False, True):
        with database.transaction(durable=durable) as tx:
            levels.append(tx.execute(text("PRAGMA synchronous")).scalar_one())
    assert levels == [1, 1, 2, 1, 2]


def test_postgresql_s_connections_are_asked_whether_they_live_when_they_have_rested(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that the server has closed meanwhile is replaced, and nobody notices."""
    monkeypatch.setattr(pinging, "PING_SECONDS", 0.0)
    database = Database(postgres.new_database())
    with database.reading(once=True) as tx:
        pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with database.reading(once=True) as tx:
        assert tx.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid
    database.close()


def test_of_several_connections_to_postgresql_the_one_used_last_is_next(postgres: Postgres) -> None:
    database = Database(postgres.new_database())

    def server_process(tx: Connection) -> int:
        return int(tx.execute(text("SELECT pg_backend_pid()")).scalar_one())

    with database.reading() as one, database.reading() as other:
        assert server_process(one) != server_process(other)
        kept = server_process(one)
    for _ in range(3):
        with database.reading(once=True) as tx:
            assert server_process(tx) == kept
    database.close()


def test_a_failed_begin_gives_the_lock_back(counters: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr(counters, "_begin", fail)
        with pytest.raises(OSError):
            count(counters)
    count(counters)
    assert values(counters) == (1, 1)


def test_the_database_tells_the_time_in_utc(database: Database) -> None:
    with database.reading() as tx:
        told = database_time(tx)
    assert told.utcoffset() == timedelta(0)
    assert abs(told - SystemClock().now()) < timedelta(minutes=1)


def test_what_was_deleted_is_in_no_file_even_if_a_reader_held_it_up_for_a_while(database: Database) -> None:
    def is_on_disk() -> bool:
        return any(b"Zanzibar" in file.read_bytes() for file in Path(database.name).parent.iterdir() if file.is_file())

    with database.transaction() as tx:
        tx.execute(text("CREATE TABLE word (text TEXT)"))
        tx.execute(text("INSERT INTO word VALUES ('Zanzibar')"))
    with database.reading() as reader:
        assert reader.execute(text("SELECT text FROM word")).scalar_one() == "Zanzibar"
        with database.transaction() as tx:
            tx.execute(text("DELETE FROM word"))
        database.forget()
        assert is_on_disk()
    database.finish_forgetting()
    assert not is_on_disk()
