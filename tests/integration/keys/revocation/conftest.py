"""The world of keys, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.integration.keys.revocation.world import World
from tests.servers import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    server: Postgres | None = None if is_sqlite else request.getfixturevalue("postgres")
    database = Database.sqlite(tmp_path / "keys.db") if server is None else Database(server.new_database())
    with ThreadPoolExecutor(5) as pool:
        yield World(database, clock, pool)
    database.close()
