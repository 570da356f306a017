"""An upgrade under load: the schema grows under the release before, whose processes are then replaced in turn."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed
from tests.faults.callers import Callers
from tests.faults.rolling import RollingStack
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import ROOT

# The last one before the migrations that the changelog's newest release brings.
BEFORE = "ed22251b"
REPLACED = ("usage", "sensors", "auth", "console", "keys")
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]


@pytest.fixture
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its sources."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is missing")
    archived = subprocess.run([git, "archive", BEFORE, "services", "shared"], cwd=ROOT, capture_output=True)
    if archived.returncode:
        pytest.skip(f"{BEFORE} is not in this clone: {archived.stderr.decode().strip()}")
    folder = tmp_path_factory.mktemp("before")
    subprocess.run(["/usr/bin/tar", "--extract"], input=archived.stdout, cwd=folder, check=True)
    return folder


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, before: Path, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis
) -> Iterator[Distributed]:
    class Before(RollingStack):
        release = before

    with closing(Before(tmp_path_factory.mktemp("stack"), postgres, rabbitmq, redis)) as stack:
        yield Distributed(stack)


def test_an_upgrade_loses_and_refuses_no_request(running: Distributed, log: Log) -> None:
    stack = running.stack
    assert isinstance(stack, RollingStack)
    with closing(Callers(running)) as callers:
        callers.go_on()
        stack.release = ROOT
        stack.migrate()
        callers.go_on()
        for name in REPLACED:
            stack.hand_over(name)
            callers.go_on()
    assert len(callers.receipts) > 2 * len(REPLACED), "the load was real"
    callers.lost_nothing(stack, log)
