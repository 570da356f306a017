import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One embedded system for all tests that leave it as they found it."""
    with Running(tmp_path_factory.mktemp("system") / "data") as running:
        yield running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session")
def openeew() -> Path:
    """Real recordings of the OpenEEW network, which the product does not need and its tests do."""
    folder = Path(os.environ.get("GRILLO_TEST_DATA", Path(__file__).parents[3] / "shared/data/openeew"))
    assert (folder / "records").is_dir(), f"no OpenEEW recordings in {folder}; GRILLO_TEST_DATA names the folder"
    return folder
