import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.running import Distributed, Embedded, System
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

WORLDS = ("embedded", "distributed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker for each world, so that its servers are started once."""
    for item in items:
        world = getattr(item, "callspec", None) and item.callspec.params.get("system")  # type: ignore[attr-defined]
        if world in WORLDS:
            item.add_marker(pytest.mark.xdist_group(world))


@pytest.fixture(scope="package", params=WORLDS)
def system(request: pytest.FixtureRequest) -> System:
    """A running system for tests that leave it as they found it; each runs in both worlds."""
    running: System = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("embedded") / "data") as running:
        yield running


@pytest.fixture(scope="package")
def distributed(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis
) -> Iterator[Distributed]:
    with closing(Stack(tmp_path_factory.mktemp("stack"), postgres, rabbitmq, redis)) as stack:
        yield Distributed(stack)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session")
def openeew() -> Path:
    """Real recordings of the OpenEEW network, which the product does not need and its tests do."""
    folder = Path(os.environ.get("GRILLO_TEST_DATA", Path(__file__).parents[3] / "shared/data/openeew"))
    assert (folder / "records").is_dir(), f"no OpenEEW recordings in {folder}; GRILLO_TEST_DATA names the folder"
    return folder
