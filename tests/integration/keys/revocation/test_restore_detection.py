"""PostgreSQL's log, moved: by a restore, into the same database or another one."""

import pytest
from sqlalchemy import select, text

from services.keys import tables
from services.keys.assembly import MIGRATIONS
from services.keys.revocation.restore_detection import MARGIN_SECONDS, RestoreDetection
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.dialect_functions import storage_identity
from shared.sql.migrations import migrate
from tests.servers import Postgres

LEASE = 10.0
pytestmark = pytest.mark.xdist_group("distributed")


@pytest.fixture
def database(postgres: Postgres) -> Database:
    """Its role is nobody special: no superuser, no member of pg_monitor."""
    database = Database(postgres.new_database())
    migrate(database, MIGRATIONS)
    return database


def test_a_log_that_stays_where_it_is_keeps_its_name_through_writes_and_checkpoints(database: Database) -> None:
    before = _identity(database)
    with database.transaction() as tx:
        tx.execute(text("UPDATE log_head SET position = 7"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM log"))
    assert _identity(database) == before


@pytest.mark.parametrize(
    "restored",
    ["TRUNCATE log", "CREATE TABLE again AS TABLE log; DROP TABLE log; ALTER TABLE again RENAME TO log"],
    ids=["rows put back", "tables put back"],
)
def test_a_restored_log_is_noticed_waited_out_and_then_like_any_other(
    database: Database, clock: ManualClock, restored: str
) -> None:
    storage = RestoreDetection(database, clock, lease_seconds=LEASE)
    assert storage.all_gates_known_from() == float("-inf")
    with database.transaction() as tx:
        tx.execute(text(restored))
    assert storage.all_gates_known_from() == clock.elapsed_seconds() + LEASE + MARGIN_SECONDS
    clock.advance(LEASE + MARGIN_SECONDS)
    storage.settle()
    another_process = RestoreDetection(database, clock, lease_seconds=LEASE)
    assert another_process.all_gates_known_from() == float("-inf")


def test_two_databases_are_two_storages(database: Database, postgres: Postgres) -> None:
    another = Database(postgres.new_database())
    migrate(another, MIGRATIONS)
    assert _identity(another) != _identity(database)


def _identity(database: Database) -> str:
    with database.reading() as tx:
        identity: str = tx.execute(select(storage_identity(tables.log))).scalar_one()
    return identity
