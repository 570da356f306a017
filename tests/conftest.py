"""What any test may ask for: a clock that stands still until told, and an empty database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.database import Database
from tests import examples


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(examples.NOON)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file without a schema yet."""
    database = Database.sqlite(tmp_path / "service.db")
    yield database
    database.close()
