"""What any test may ask for: a clock that stands still until told, and an empty database."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests import examples, failed_before
from tests.compiled import COMPILED
from tests.servers import Postgres, RabbitMq, Redis

# No seconds are asserted: a busy machine is no fault. The rest stays as it is, on CI the same examples each time.
settings.register_profile("unhurried", settings.default, deadline=None)
# Of mutants: that one example fails is enough, and the least one takes minutes to find.
settings.register_profile("unshrunk", settings.default, deadline=None, phases=(Phase.explicit, Phase.generate))
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """`make test COMPILED=1` must not pass for having tested the other form."""
    failed_before.begin(config)
    is_wanted = os.environ.get("GRILLO_GATE") == "compiled"
    for module in COMPILED:
        found = find_spec(module)
        if found is None or found.origin is None or found.origin.endswith(".py") is is_wanted:
            raise pytest.UsageError(f"{module} compiled: {is_wanted}; found {found and found.origin}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    failed_before.end(session.config, exitstatus)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(examples.NOON)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file without a schema yet."""
    database = Database.sqlite(tmp_path / "service.db")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    server = RabbitMq(tmp_path_factory.mktemp("rabbitmq"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()
