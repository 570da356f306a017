"""PostgreSQL ends what takes too long, waits too long for a lock or stands still inside a transaction."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared.sql.database import Database
from shared.sql.time_limits import TimeLimits, TookTooLong
from shared.web.exception_mapping import problem_of
from tests.servers import Postgres

pytestmark = pytest.mark.xdist_group("distributed")
SHORT = TimeLimits(statement_seconds=0.1, lock_seconds=0.05, idle_seconds=0.05)
NAMES = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture
def url(postgres: Postgres) -> str:
    url = postgres.new_database()
    with Database(url).transaction() as tx:
        tx.execute(text("CREATE TABLE counter (value integer)"))
        tx.execute(text("INSERT INTO counter VALUES (0)"))
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url, SHORT)
    yield database
    database.close()


def in_force(tx: Connection) -> list[str]:
    return [str(tx.execute(text(f"SHOW {name}")).scalar_one()) for name in NAMES]


def sleeps(_database: Database, _postgres: Postgres, tx: Connection) -> None:
    tx.execute(text("UPDATE counter SET value = 1"))
    tx.execute(text("SELECT pg_sleep(600)"))


def waits_for_a_lock(database: Database, _postgres: Postgres, tx: Connection) -> None:
    tx.execute(text("INSERT INTO counter VALUES (1)"))
    with Database(database.engine.url).transaction() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(1)"))
        tx.execute(text("SELECT pg_advisory_xact_lock(1)"))


def stands_still(_database: Database, postgres: Postgres, tx: Connection) -> None:
    tx.execute(text("UPDATE counter SET value = 1"))
    pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        while connection.execute("SELECT pid FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
            threading.Event().wait(0.01)
    tx.execute(text("SELECT 1"))


@pytest.mark.parametrize("does", [sleeps, waits_for_a_lock, stands_still])
def test_what_passes_a_limit_is_unavailable_and_leaves_nothing(
    database: Database, postgres: Postgres, does: Callable[[Database, Postgres, Connection], None]
) -> None:
    with pytest.raises(DBAPIError) as ended, database.transaction() as tx:
        does(database, postgres, tx)
    assert problem_of(ended.value, "GET", "/v1/keys").type.name == "unavailable"
    with database.reading() as tx:
        assert tx.execute(text("SELECT value FROM counter")).scalar_one() == 0


def test_an_unlimited_transaction_has_no_limit_and_the_next_has_them_again(database: Database) -> None:
    with database.reading() as tx:
        limits = in_force(tx)
    assert limits == ["100ms", "50ms", "50ms"]
    for unlimited in (database.transaction(unlimited=True), database.reading(unlimited=True)):
        with unlimited as tx:
            assert in_force(tx) == ["0", "0", "0"]
    with database.reading(once=True) as tx:
        assert in_force(tx) == limits


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_question_may_have_less_time_and_the_next_has_as_before(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = Database(request.getfixturevalue("url")) if kind == "postgresql" else Database.sqlite(tmp_path / "a.db")
    for _ in range(2):
        with pytest.raises(TookTooLong, match=r"more than 0\.05 s"), database.reading(seconds_max=0.05) as tx:
            tx.execute(text(ENDLESS))
        with database.reading() as tx:
            assert tx.execute(text(ENDLESS.replace("FROM n)", "FROM n WHERE x < 200000)"))).scalar_one() == 200_000
    with pytest.raises(DBAPIError), database.reading(seconds_max=60) as tx:
        tx.execute(text("SELECT * FROM nowhere"))
    database.close()


def test_an_operator_may_state_others_in_the_address(url: str) -> None:
    database = Database(f"{url}?options=-c%20statement_timeout%3D5min")
    with database.reading() as tx:
        assert in_force(tx) == ["5min", "10s", "1min"]
    database.close()
