"""obspy as these tests need it: there before any of them, and its plugins looked up once."""

import functools
from importlib.metadata import entry_points

import obspy  # noqa: F401  at its first import it asks git for its version, in a process of its own
import pytest

from services.sensors.ingest import obspy_formats

_entry_points = functools.cache(entry_points)


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each file read costs as many looks through all that is installed as there are formats."""
    monkeypatch.setattr(obspy_formats, "entry_points", _entry_points)
