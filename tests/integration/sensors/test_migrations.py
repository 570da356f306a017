"""Recordings that earlier releases stored are dropped by the migration, which says so; their sensors stay."""

from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from structlog.testing import capture_logs

from services.sensors import tables
from services.sensors.assembly import MIGRATIONS
from shared.sql.database import Database
from shared.sql.migrations import migrate


def migrate_to(database: Database, revision: str) -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    with database.transaction() as tx:
        upgrade: Any = lambda current, _context: scripts._upgrade_revs(revision, current)  # noqa: E731
        context = MigrationContext.configure(tx, opts={"fn": upgrade, "target_metadata": None})
        with Operations.context(context):
            context.run_migrations()


def test_recordings_of_earlier_releases_are_dropped_and_that_is_said(database: Database) -> None:
    migrate_to(database, "0001")
    with database.transaction() as tx:
        tx.execute(
            text(
                "INSERT INTO sensor (id, organisation_id, network, station, name, unit) VALUES ('s','o','X','1','','c')"
            )
        )
        tx.execute(text("INSERT INTO channel VALUES ('s', '', 'BNZ', 31.25, 5)"))
        for number in range(2):
            tx.execute(
                text(f"INSERT INTO block VALUES ({number}, 's', '', 'BNZ', 0, 5, 31.25, 1600, x'00')")  # noqa: S608
            )
    with capture_logs() as logs:
        migrate(database, MIGRATIONS)
    (said,) = [entry for entry in logs if entry["event"] == "recordings_dropped"]
    assert (said["log_level"], said["samples"]) == ("warning", 3200)
    with database.reading() as tx:
        assert tx.execute(select(tables.sensor.c.id)).scalars().all() == ["s"]
        assert tx.execute(select(tables.channel)).all() == []
        assert tx.execute(select(tables.span)).all() == []


def test_a_new_database_has_nothing_to_say(database: Database) -> None:
    with capture_logs() as logs:
        migrate(database, MIGRATIONS)
    assert [entry for entry in logs if entry["event"] == "recordings_dropped"] == []
