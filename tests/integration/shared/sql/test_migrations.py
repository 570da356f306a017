"""A new file gets the very tables that the code declares; an old one what it lacks; and nothing is left half-done."""

import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, select, text

from services.auth import assembly as auth
from services.auth import tables as auth_tables
from services.keys import assembly as keys
from services.keys import tables as keys_tables
from services.sensors import assembly as sensors
from services.sensors import tables as sensors_tables
from services.usage import assembly as usage
from services.usage import tables as usage_tables
from shared.eventsourcing.event_store import genesis_hash
from shared.sql.database import Database
from shared.sql.migrations import SchemaIsNewer, migrate
from tests.children import fork, wait

SERVICES = {
    "keys": (keys.MIGRATIONS, keys_tables.metadata),
    "auth": (auth.MIGRATIONS, auth_tables.metadata),
    "usage": (usage.MIGRATIONS, usage_tables.metadata),
    "sensors": (sensors.MIGRATIONS, sensors_tables.metadata),
}
service_by_service = pytest.mark.parametrize(("folder", "metadata"), SERVICES.values(), ids=SERVICES)

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("pressure", sa.Column("hectopascals", sa.Float))
    op.execute("INSERT INTO pressure VALUES (1013.25)")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("pressure", sa.Column("sensor_id", sa.String(32)))
    op.execute("UPDATE pressure SET sensor_id = 's1'")
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Callable[..., Path]:
    """A folder of migrations, another for each release: scripts(FIRST, SECOND)."""
    releases = itertools.count()

    def write(*texts: str) -> Path:
        folder = tmp_path / f"release-{next(releases)}"
        (folder / "versions").mkdir(parents=True)
        for number, script in enumerate(texts, start=1):
            (folder / "versions" / f"{number:04}_step.py").write_text(script)
        return folder

    return write


def dump(database: Database) -> list[str]:
    connection = sqlite3.connect(str(database.engine.url.database))
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@service_by_service
def test_a_new_database_has_exactly_the_tables_the_code_declares(
    database: Database, folder: Path, metadata: MetaData
) -> None:
    migrate(database, folder)
    with database.reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@service_by_service
def test_migrating_once_more_changes_nothing(database: Database, folder: Path, metadata: MetaData) -> None:
    migrate(database, folder)
    before = dump(database)
    migrate(database, folder)
    assert dump(database) == before


def test_a_new_log_begins_at_the_genesis_of_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = set()
    for number in range(3):
        database = Database.sqlite(tmp_path / f"{number}.db")
        migrate(database, keys.MIGRATIONS)
        with database.reading() as tx:
            (head,) = tx.execute(select(keys_tables.log_head)).all()
            (cursor,) = tx.execute(select(keys_tables.relay_cursor)).all()
        assert (head.position, head.hash, cursor.position) == (0, genesis_hash(head.epoch), 0)
        epochs.add(head.epoch)
        database.close()
    assert len(epochs) == 3


@service_by_service
def test_a_database_of_a_newer_release_is_refused_by_name_and_left_alone(
    database: Database, folder: Path, metadata: MetaData
) -> None:
    migrate(database, folder)
    with database.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = dump(database)
    with pytest.raises(SchemaIsNewer, match="revision 9999"):
        migrate(database, folder)
    assert dump(database) == before


@service_by_service
def test_files_are_named_after_their_revisions(folder: Path, metadata: MetaData) -> None:
    """By their names a start finds that nothing is missing, without reading them."""
    scripts = list(ScriptDirectory(str(folder)).walk_revisions())
    assert {Path(script.path).name.partition("_")[0] for script in scripts} == {script.revision for script in scripts}
    assert max(script.revision for script in scripts) == ScriptDirectory(str(folder)).get_current_head()


def test_an_older_database_gets_what_it_lacks_and_keeps_what_it_holds(
    database: Database, scripts: Callable[..., Path]
) -> None:
    migrate(database, scripts(FIRST))
    migrate(database, scripts(FIRST, SECOND))
    with database.reading() as tx:
        assert tx.execute(text("SELECT hectopascals, sensor_id FROM pressure")).all() == [(1013.25, "s1")]


@pytest.mark.parametrize("already", [(), (FIRST,)])
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    database: Database, scripts: Callable[..., Path], already: tuple[str, ...]
) -> None:
    if already:
        migrate(database, scripts(*already))
    before = dump(database)
    with pytest.raises(ZeroDivisionError):
        migrate(database, scripts(FIRST, SECOND + "    1 / 0\n"))
    assert dump(database) == before
    migrate(database, scripts(FIRST, SECOND))
    with database.reading() as tx:
        assert tx.execute(text("SELECT sensor_id FROM pressure")).scalar_one() == "s1"


def test_processes_that_migrate_one_new_file_at_once_all_find_one_log(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    epochs = tmp_path / "epochs"

    def start() -> None:
        database = Database.sqlite(path)
        migrate(database, keys.MIGRATIONS)
        with database.reading() as tx, epochs.open("a") as seen:
            seen.write(tx.execute(select(keys_tables.log_head.c.epoch)).scalar_one() + "\n")
        database.close()

    children = [fork(start) for _ in range(4)]
    assert [wait(child) for child in children] == [0, 0, 0, 0]
    seen = epochs.read_text().split()
    assert (len(seen), len(set(seen))) == (4, 1)
