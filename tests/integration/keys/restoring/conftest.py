"""A system whose log of keys can be put back."""

from pathlib import Path

import pytest

from tests.integration.keys.restoring.restorable import Restorable


@pytest.fixture
def system(tmp_path: Path) -> Restorable:
    return Restorable(tmp_path)
