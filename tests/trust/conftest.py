"""Both worlds, running, for those who attack them."""

from tests.e2e.conftest import distributed, embedded, pytest_collection_modifyitems, system

__all__ = ["distributed", "embedded", "pytest_collection_modifyitems", "system"]
