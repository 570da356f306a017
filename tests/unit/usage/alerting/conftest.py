"""The world that alerts are raised in."""

import pytest

from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.unit.usage.alerting.world import World


@pytest.fixture
def world(database: Database, clock: ManualClock) -> World:
    return World(database, clock)
