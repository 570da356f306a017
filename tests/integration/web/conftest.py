"""The tiny application, and the management API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.web.management import Management, management
from tests.integration.web.tiny import Tiny, tiny


@pytest.fixture
def app(tmp_path: Path) -> Tiny:
    return tiny(tmp_path / "spool")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Management]:
    api = management(tmp_path)
    yield api
    api.close()
