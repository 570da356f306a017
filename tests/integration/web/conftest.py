"""The tiny application, and the management API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.values import key_forms
from tests.integration.web.management import Management, management
from tests.integration.web.tiny import Tiny, tiny


@pytest.fixture
def app(tmp_path: Path) -> Tiny:
    return tiny(tmp_path / "spool")


@pytest.fixture(autouse=True)
def _other_systems_keys() -> Iterator[None]:
    """Let in, as an operator may (FOREIGN_KEY_FORMS)."""
    key_forms.let_in(("acme_",))
    yield
    key_forms.let_in(())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Management]:
    api = management(tmp_path)
    yield api
    api.close()
