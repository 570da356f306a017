"""The world of keys, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.keys.assembly import MIGRATIONS
from shared.runtime.clock import ManualClock
from tests.integration.keys.revocation.world import World
from tests.servers import Postgres
from tests.service_database import service_database


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    server: Postgres | None = None if is_sqlite else request.getfixturevalue("postgres")
    database = service_database(server, tmp_path / "keys.db", MIGRATIONS)
    with ThreadPoolExecutor(5) as pool:
        yield World(database, clock, pool)
    database.close()
