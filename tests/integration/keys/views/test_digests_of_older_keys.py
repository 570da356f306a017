"""A database that held keys before their rows told their secrets: migrated, they are those that the log adds up to."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from services.keys import assembly, tables
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import ORIGIN, NoBus
from tests.integration.keys.views.older_schema import before_conditions

ADMIN = KeyRequest(description=Description(name="admin"), permissions=("admin",))
HOUR = timedelta(hours=1)
Row = tuple[Any, ...]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    database = (
        Database.sqlite(tmp_path / "keys.db")
        if is_sqlite
        else Database(request.getfixturevalue("postgres").new_database())
    )
    yield database
    database.close()


def live(keys: assembly.Keys) -> None:
    """Keys with all that can befall secrets."""
    organisation_id = keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def new() -> str:
        return keys.commands.create(organisation_id, ADMIN, ORIGIN).key_id

    def rotate(key_id: str, *graces: timedelta) -> str:
        for grace in graces:
            keys.commands.rotate(organisation_id, key_id, grace, ORIGIN)
        return key_id

    new()
    rotate(new(), HOUR)
    rotate(new(), HOUR, HOUR)
    rotate(new(), HOUR, timedelta())
    rotate(new(), timedelta(), HOUR)
    regenerated = rotate(new(), HOUR)
    keys.commands.edit(organisation_id, regenerated, KeyEdit(permissions=("events:read",), regenerate=True), ORIGIN)
    keys.commands.revoke(organisation_id, rotate(new(), HOUR), Reason.SUPERSEDED, None, ORIGIN)
    keys.commands.delete(organisation_id, rotate(new(), HOUR), ORIGIN)


def rows(database: Database) -> list[Row]:
    columns = tables.api_key.c
    wanted = (columns.id, columns.digest, columns.previous_digest, columns.previous_hint)
    with database.reading() as tx:
        found = tx.execute(select(*wanted).order_by(columns.id))
        return [tuple(row) for row in found]


def forget_digests(database: Database) -> None:
    """The schema of the release before."""
    with database.transaction() as tx:
        for name in ("digest", "previous_digest"):
            tx.execute(text(f"ALTER TABLE api_key DROP COLUMN {name}"))
        tx.execute(text("ALTER TABLE gate DROP COLUMN account"))
        tx.execute(text("DROP TABLE making"))
        tx.execute(text("ALTER TABLE api_key DROP COLUMN revocation_note"))
        before_conditions(tx)
        tx.execute(text("UPDATE alembic_version SET version_num = '0005'"))


def test_they_get_them_from_their_events(database: Database, clock: ManualClock) -> None:
    keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    live(keys)
    before = rows(database)
    assert sum(digest is not None for _, digest, _, _ in before) == len(before) == 7
    for previous in (2, 3):
        assert sum(row[previous] is not None for row in before) == 4
    forget_digests(database)
    migrate(database, assembly.MIGRATIONS)
    assert rows(database) == before
    keys.rebuild()
    assert rows(database) == before
