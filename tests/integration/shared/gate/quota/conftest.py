from collections.abc import Iterator

import pytest

from tests.servers import Redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """For these tests alone: they empty it, and move its time."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()
