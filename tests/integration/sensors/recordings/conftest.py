"""The sensors service's API with nothing recorded yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sensors.recordings.scene import Scene, scene


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Scene]:
    found = scene(tmp_path)
    yield found
    found.database.close()
