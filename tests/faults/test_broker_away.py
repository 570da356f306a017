"""RabbitMQ killed under a running system: requests are served, revocations hold, usage is counted when it is back."""

import httpx
import kombu
import pytest

from shared.messaging.exchanges import durable_queue
from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually
from tests.servers import RabbitMq

REQUESTS = 60
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("disk", ["kept", "lost"])
def test_a_broker_that_dies_costs_no_request_no_revocation_and_no_usage(
    running: Distributed, broker: RabbitMq, log: Log, disk: str
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
        # Without any push every follower comes to stand where the log stands.
        eventually(log.behind, lambda behind: behind == [], seconds=30, every=0.5)
        if disk == "lost":
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
        # Whoever lost its subscription has it again, once.
        assert set(_consumers(running.stack.environment("auth")["AMQP_URI"]).values()) == {1}
        # Usage follows for itself: no receipt waits for it.
        eventually(log.behind, lambda behind: behind == [], seconds=30, every=0.1)


def _consumers(broker_uri: str) -> dict[str, int]:
    """Durable queue → how many consume it."""
    queues = [durable_queue("auth", "keys"), durable_queue("usage", "keys"), durable_queue("keys", "usage", "KeyUsed")]
    with kombu.Connection(broker_uri) as connection:
        channel = connection.channel()
        return {queue.name: channel.queue_declare(queue.name, passive=True).consumer_count for queue in queues}


def _read(reader: httpx.Client) -> None:
    for _ in range(REQUESTS):
        assert reader.get("/v1/events").status_code == 200


def _receipt_ms(running: Distributed, admin: httpx.Client) -> int:
    key_id, _ = running.create_key("events:read")
    elapsed_ms: int = admin.post(f"/v1/keys/{key_id}/revoke").json()["receipt"]["elapsed_ms"]
    return elapsed_ms
