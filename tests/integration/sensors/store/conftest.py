"""A store of samples with one sensor, on SQLite."""

from pathlib import Path

import pytest

from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.integration.sensors.store.stored_samples import Lines, StoredSamples


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def stored(tmp_path: Path, database: Database, clock: ManualClock, lines: Lines) -> StoredSamples:
    stored = StoredSamples(database, tmp_path / "samples", clock, lines)
    stored.register()
    return stored
