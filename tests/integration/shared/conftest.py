"""The keys service's database, and each kind of store on an empty log of its own."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.keys import assembly, tables
from shared.eventsourcing.event_store import EventStore, MemoryEventStore
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.database import Database
from tests.servers import Postgres
from tests.service_database import migrated, new_service_database


@pytest.fixture
def keys_database(database: Database) -> Database:
    return migrated(database, assembly.MIGRATIONS)


@pytest.fixture
def sql_store(keys_database: Database) -> SqlEventStore:
    return SqlEventStore(keys_database, tables.metadata)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], EventStore[Any]]]:
    """Makes empty stores. Another database joins the suite as one more parameter here."""
    opened: list[Database] = []
    epochs = itertools.count()

    def sqlite() -> EventStore[Any]:
        database = Database.sqlite(tmp_path / f"log-{len(opened)}.db")
        opened.append(database)
        migrated(database, assembly.MIGRATIONS)
        return SqlEventStore(database, tables.metadata)

    def postgresql() -> EventStore[Any]:
        server: Postgres = request.getfixturevalue("postgres")
        database = new_service_database(server, assembly.MIGRATIONS)
        opened.append(database)
        return SqlEventStore(database, tables.metadata)

    def memory() -> EventStore[Any]:
        return MemoryEventStore(f"epoch {next(epochs)}")

    yield {"memory": memory, "sqlite": sqlite, "postgresql": postgresql}[request.param]
    for database in opened:
        database.close()


@pytest.fixture
def store(new_store: Callable[[], EventStore[Any]]) -> EventStore[Any]:
    return new_store()
