"""Migrations that do more than make tables: recordings of earlier releases are dropped, and that is said; what a new
table is to know of earlier events is read from the log."""

import json
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select, text
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


def test_networks_that_were_deleted_while_they_were_closed_are_found_in_the_log(database: Database) -> None:
    migrate_to(database, "0017")
    closed, opened = {"api_access": False}, {"api_access": True}
    by_network: dict[str, list[tuple[str, dict[str, bool]]]] = {
        "net_closed": [("NetworkCreated", closed), ("NetworkDeleted", {})],
        "net_closed_later": [("NetworkCreated", opened), ("NetworkAccessChanged", closed), ("NetworkDeleted", {})],
        "net_opened": [("NetworkCreated", closed), ("NetworkAccessChanged", opened), ("NetworkDeleted", {})],
        "net_there": [("NetworkCreated", closed), ("NetworkDescribed", {})],
    }
    rows = [
        {"stream": stream, "version": version, "type": type_, "data": json.dumps(data | {"organisation_id": "o"})}
        for stream, events in by_network.items()
        for version, (type_, data) in enumerate(events, start=1)
    ]
    same = {"schema_version": 1, "metadata": "{}", "recorded_at": "", "hash": ""}
    with database.transaction() as tx:
        tx.execute(insert(tables.log), [row | same | {"position": n} for n, row in enumerate(rows, start=1)])
    migrate(database, MIGRATIONS)
    with database.reading() as tx:
        found = tx.execute(select(tables.closed_network).order_by(tables.closed_network.c.id)).all()
    assert [tuple(row) for row in found] == [("net_closed", "o"), ("net_closed_later", "o")]


def test_a_new_database_has_nothing_to_say(database: Database) -> None:
    with capture_logs() as logs:
        migrate(database, MIGRATIONS)
    assert [entry for entry in logs if entry["event"] == "recordings_dropped"] == []
