"""A database that held keys before they had labels and searchable words: migrated, they are found like any other."""

import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, insert

from services.keys import assembly
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyQueries, KeyView
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import ORGANISATION_ID

KEY = {
    "organisation_id": ORGANISATION_ID,
    "revision": 1,
    "hint": "grl_Ab3d…9xYz",
    "permissions": '["sensors:read"]',
    "created_at": "2026-11-23T11:00:00.000000Z",
    "created_by": "operator",
    "allow_query": True,
    "allowed_addresses": "[]",
}
DECOMPOSED = unicodedata.normalize("NFD", "Relève du SOIR")
KEYS = (
    {"id": "key_1", "name": "ÉTNA Nord", "description": DECOMPOSED, "labels": '{"env":"prod","site":"etna"}'},
    {"id": "key_2", "name": "beta", "description": "", "labels": "{}"},
    {"id": "key_3", "name": "Alpha", "description": "", "labels": '{"env":"test"}'},
)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Filled under the first schema, then brought up to date."""
    is_sqlite = request.param == "sqlite"
    database = (
        Database.sqlite(tmp_path / "keys.db")
        if is_sqlite
        else Database(request.getfixturevalue("postgres").new_database())
    )
    migrate(database, _first_only(tmp_path / "migrations"))
    api_key = Table("api_key", MetaData(), autoload_with=database.engine)
    with database.transaction() as tx:
        tx.execute(insert(api_key), [KEY | key for key in KEYS])
    migrate(database, assembly.MIGRATIONS)
    yield database
    database.close()


@pytest.fixture
def queries(migrated: Database, clock: ManualClock) -> KeyQueries:
    return KeyQueries(migrated, clock)


def _first_only(folder: Path) -> Path:
    shutil.copytree(assembly.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]_*", "00[1-9]*"))
    return folder


def found(queries: KeyQueries, wanted: KeyFilter | None = None, sort: str = "name") -> list[str]:
    keys: tuple[KeyView, ...] = queries.list_keys(ORGANISATION_ID, 100, None, wanted, sort).keys
    return [key.id for key in keys]


def test_they_are_found_by_their_labels(queries: KeyQueries) -> None:
    assert found(queries, KeyFilter(labels=(("env", "prod"),))) == ["key_1"]
    assert found(queries, KeyFilter(labels=(("env", "prod"), ("site", "etna")))) == ["key_1"]
    assert found(queries, KeyFilter(labels=(("env", "test"),))) == ["key_3"]
    assert found(queries, KeyFilter(labels=(("env", "staging"),))) == []


@pytest.mark.parametrize("text", ["étna", "ÉTNA", "du soir", "relève", DECOMPOSED])
def test_they_are_found_by_their_words_without_regard_to_case(queries: KeyQueries, text: str) -> None:
    assert found(queries, KeyFilter(text=text)) == ["key_1"]


def test_they_are_sorted_by_name_without_regard_to_case(queries: KeyQueries) -> None:
    assert found(queries) == ["key_3", "key_2", "key_1"]


def test_nothing_has_befallen_them_that_no_event_told(queries: KeyQueries) -> None:
    for key in queries.list_keys(ORGANISATION_ID, 100).keys:
        assert (key.rotated_at, key.grace_until, key.suspended_at, key.expired_at) == (None, None, None, None)


def test_migrating_again_leaves_them_as_they_are(migrated: Database, queries: KeyQueries) -> None:
    before = queries.list_keys(ORGANISATION_ID, 100).keys
    migrate(migrated, assembly.MIGRATIONS)
    assert queries.list_keys(ORGANISATION_ID, 100).keys == before
