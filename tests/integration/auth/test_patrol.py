"""The patrol looks at every row in each round, at many in the first and at few in a second later."""

from pathlib import Path

import pytest
from sqlalchemy import insert, update

from services.auth import assembly, tables
from services.auth.integrity import patrol
from services.auth.integrity.grant_rows import as_row
from shared.sql.database import Database
from tests.gate_examples import grant
from tests.service_database import migrated


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = migrated(Database.sqlite(tmp_path / "auth.db"), assembly.MIGRATIONS)
    with database.transaction() as tx:
        rows = [as_row(grant(number, key_id=f"key_{number:03}", digest=f"{number:064}")) for number in range(95)]
        tx.execute(insert(tables.grant), rows)
    return database


def test_a_damaged_row_is_found_within_a_round_whichever_it_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patrol, "ROWS_LEAST", 5)
    monkeypatch.setattr(patrol, "ROWS_MOST", 50)
    monkeypatch.setattr(patrol, "ROUND_LOOKS", 10)
    watch = patrol.Patrol(database)
    assert all(watch.is_sound() for _ in range(2))  # the first round
    for key_id in ("key_000", "key_047", "key_094"):
        _add_to_checksum(database, key_id, 1)
        looks = 1
        while watch.is_sound():
            looks += 1
        assert looks <= 12
        _add_to_checksum(database, key_id, -1)
    assert watch._grants.rows < 50


def test_of_few_rows_it_rests_between_two_looks_until_some_are_found_damaged(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patrol, "RESTS_MOST", 3)
    watch = patrol.Patrol(database)
    assert watch.goes_on()  # the first round
    _add_to_checksum(database, "key_047", 1)
    assert [watch.goes_on() for _ in range(6)] == [True] * 3 + [False] * 3
    _add_to_checksum(database, "key_047", -1)
    assert [watch.goes_on() for _ in range(4)] == [True] * 4
    _add_to_checksum(database, "key_047", 1)
    assert not watch.is_sound()
    assert not watch.goes_on()


def _add_to_checksum(database: Database, key_id: str, by: int) -> None:
    table = tables.grant
    with database.transaction() as tx:
        changed = update(table).where(table.c.key_id == key_id).values(checksum=table.c.checksum + by)
        assert tx.execute(changed).rowcount == 1
