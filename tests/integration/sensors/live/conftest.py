"""The sensors service on a database of its own, with a network that takes new sensors."""

from pathlib import Path

import pytest

from services.sensors import assembly
from services.sensors.assembly import Sensors
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NoBus
from tests.service_database import migrated


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    migrated(database, assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")
