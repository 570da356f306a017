"""RabbitMQ killed under a running system: requests are served, revocations hold, usage is counted when it is back."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import Distributed, eventually
from tests.servers import Postgres, RabbitMq
from tests.stack import Stack

REQUESTS = 60
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RabbitMq]:
    """One of its own: it will be killed."""
    server = RabbitMq(tmp_path)
    yield server
    server.close()


@pytest.fixture
def running(tmp_path: Path, postgres: Postgres, broker: RabbitMq) -> Iterator[Distributed]:
    stack = Stack(tmp_path, postgres, broker)
    yield Distributed(stack)
    stack.close()


def test_a_broker_that_dies_and_loses_its_disk_costs_no_request_no_revocation_and_no_usage(
    running: Distributed, broker: RabbitMq
) -> None:
    key_id, secret = running.create_key("events:read")
    with running.client(secret) as reader, running.admin() as admin:
        _read(reader)
        broker.stop()
        _read(reader)
        revoked_id, revoked = running.create_key("events:read")
        receipt = admin.post(f"/v1/keys/{revoked_id}/revoke").json()["receipt"]
        assert receipt["propagated"]
        assert receipt["elapsed_ms"] < 5000, "the gates were reached by pulls, not waited out"
        assert all("applied_ms" in gate for gate in receipt["gates"])
        with running.client(revoked) as refused:
            assert refused.get("/v1/events").status_code == 401
        broker.lose_data()
        broker.start()
        _read(reader)
        used = eventually(
            lambda: admin.get(f"/v1/keys/{key_id}/usage").json(),
            lambda used: used["total"] >= 3 * REQUESTS,
            seconds=60,
            every=1,
        )
        assert used["total"] == 3 * REQUESTS
        # Pushes flow again: without them a receipt takes up to a second.
        eventually(lambda: _receipt_ms(running, admin), lambda elapsed_ms: elapsed_ms < 200, seconds=60, every=1)


def _read(reader: httpx.Client) -> None:
    for _ in range(REQUESTS):
        assert reader.get("/v1/events").status_code == 200


def _receipt_ms(running: Distributed, admin: httpx.Client) -> int:
    key_id, _ = running.create_key("events:read")
    elapsed_ms: int = admin.post(f"/v1/keys/{key_id}/revoke").json()["receipt"]["elapsed_ms"]
    return elapsed_ms
