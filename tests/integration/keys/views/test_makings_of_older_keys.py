"""A database from before it was kept which key made which: migrated, its rows are those that the log adds up to."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from services.keys import assembly, tables
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import NoBus
from tests.integration.keys.views.older_schema import before_conditions

ADMIN = KeyRequest(description=Description(name="admin"), permissions=("admin",))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    server = None if is_sqlite else request.getfixturevalue("postgres")
    database = Database.sqlite(tmp_path / "keys.db") if server is None else Database(server.new_database())
    yield database
    database.close()


def live(keys: assembly.Keys, clock: ManualClock) -> None:
    """By an operator, by keys, by a key on itself; once and several times; and one that is deleted."""
    organisation_id = keys.commands.organisations.register("Ferrovie", "standard", Origin(actor="operator"))

    def new(actor: str) -> str:
        clock.advance(1)
        return keys.commands.create(organisation_id, ADMIN, Origin(actor=actor)).key_id

    first = new("operator")
    second, third = new(first), new(first)
    fourth = new(third)
    for target, actor in ((second, third), (second, first), (second, third), (third, third), (first, "operator")):
        clock.advance(1)
        keys.commands.rotate(organisation_id, target, timedelta(), Origin(actor=actor))
    keys.commands.delete(organisation_id, third, Origin(actor=fourth))


def rows(database: Database) -> list[tuple[Any, ...]]:
    columns = tables.making.c
    with database.reading() as tx:
        return [tuple(row) for row in tx.execute(select(tables.making).order_by(columns.first_position))]


def test_they_get_them_from_their_events(database: Database, clock: ManualClock) -> None:
    keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    live(keys, clock)
    before = rows(database)
    assert [(row[2], row[4] - row[3]) for row in before] == [(False, 0)] * 3 + [(True, 2), (True, 0)]
    with database.transaction() as tx:
        tx.execute(text("DROP TABLE making"))
        tx.execute(text("ALTER TABLE api_key DROP COLUMN revocation_note"))
        before_conditions(tx)
        tx.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    migrate(database, assembly.MIGRATIONS)
    assert rows(database) == before
    keys.rebuild()
    assert rows(database) == before
