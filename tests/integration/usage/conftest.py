"""Usage's database, on SQLite and on PostgreSQL: whatever holds on one holds on the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.usage.assembly import MIGRATIONS
from services.usage.intake.metering import Metering
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.servers import Postgres
from tests.service_database import migrated, new_service_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Without a schema yet."""
    if request.param == "sqlite":
        database = Database.sqlite(tmp_path / "usage.db")
    else:
        database = Database(request.getfixturevalue("postgres").new_database())
    yield database
    database.close()


@pytest.fixture
def postgresql_database(postgres: Postgres) -> Iterator[Database]:
    """For what SQLite, with its one writer and its one table, cannot be asked."""
    database = new_service_database(postgres, MIGRATIONS)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def usage_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = migrated(Database.sqlite(tmp_path / "usage.db"), MIGRATIONS)
    else:
        database = new_service_database(request.getfixturevalue("postgres"), MIGRATIONS)
    yield database
    database.close()


@pytest.fixture
def metering(usage_database: Database, clock: ManualClock) -> Metering:
    return Metering(usage_database)
