"""A database of before notes were shown and names had one form: migrated, its rows are as their log adds up to."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from services.keys import assembly, tables
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import ORIGIN, NoBus
from tests.integration.keys.views.older_schema import before_conditions

DECOMPOSED = KeyRequest(description=Description(name="Reseau e\u0301te\u0301"), permissions=("admin",))


def rows(database: Database) -> list[tuple[Any, ...]]:
    columns = tables.api_key.c
    with database.reading() as tx:
        found = tx.execute(select(columns.sort_name, columns.revocation_note).order_by(columns.created_at))
        return [tuple(row) for row in found]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_they_get_their_notes_and_are_found_by_either_form(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> None:
    url = None if kind == "sqlite" else request.getfixturevalue("postgres").new_database()
    database = Database.sqlite(tmp_path / "keys.db") if url is None else Database(url)
    keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    organisation_id = keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)
    key_id = keys.commands.create(organisation_id, DECOMPOSED, ORIGIN).key_id
    keys.commands.revoke(organisation_id, key_id, Reason.SUPERSEDED, "replaced", ORIGIN)
    assert (before := rows(database)) == [("reseau \u00e9t\u00e9", "replaced")]
    with database.transaction() as tx:
        tx.execute(text("ALTER TABLE api_key DROP COLUMN revocation_note"))
        tx.execute(text("UPDATE api_key SET sort_name = :name"), {"name": DECOMPOSED.description.name.casefold()})
        before_conditions(tx)
        tx.execute(text("UPDATE alembic_version SET version_num = '0008'"))
    migrate(database, assembly.MIGRATIONS)
    assert rows(database) == before
    keys.rebuild()
    assert rows(database) == before
    database.close()
