"""The tiny application, and a client that presents the canonical keys."""

from pathlib import Path

import pytest

from tests.integration.web.tiny import Tiny, tiny


@pytest.fixture
def app(tmp_path: Path) -> Tiny:
    return tiny(tmp_path / "spool")
