"""RabbitMQ killed under a running system: requests are served, revocations hold, usage is counted when it is back."""

import re

import httpx
import pytest

from shared.contracts.envelope import CloudEvent, from_json
from shared.messaging.broadcast_listener import Listener
from shared.messaging.exchanges import broadcast_queue, durable_queue
from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually
from tests.servers import RabbitMq

REQUESTS = 60
FOLLOWED = (durable_queue("auth", "keys"), durable_queue("usage", "keys"), durable_queue("keys", "usage", "KeyUsed"))
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
        assert all("applied_ms" in gate for gate in receipt["gates"]), "reached by pulls, not waited out"
        with running.client(revoked) as refused:
            answer = refused.get("/v1/events")
            assert answer.status_code == 401, answer.text
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
        # Whoever lost its subscription has it again, once: the followers, and each gate its own.
        uri = running.stack.amqp_uri("grillo")  # the tests' own, which may listen to anything
        gates = len(receipt["gates"])
        subscribed = ([1] * len(FOLLOWED), [1] * gates)
        eventually(lambda: _consumers(broker.consumers(uri)), lambda counts: counts == subscribed, seconds=60, every=1)
        # And there is something to hear: pushes flow.
        assert _is_pushed(running, admin, uri)
        # Usage follows for itself: no receipt waits for it.
        eventually(log.behind, lambda behind: behind == [], seconds=30, every=0.1)


def _consumers(counts: dict[str, int]) -> tuple[list[int], list[int]]:
    """How many consumers each follower's queue has, and each gate's."""
    gates = [count for queue, count in counts.items() if re.match(r"\w+\.hears\.keys-", queue)]
    return [counts.get(queue.name, 0) for queue in FOLLOWED], gates


def _read(reader: httpx.Client) -> None:
    for _ in range(REQUESTS):
        assert reader.get("/v1/events").status_code == 200


def _is_pushed(running: Distributed, admin: httpx.Client, uri: str) -> bool:
    """Whether a revocation reaches who only listens."""
    heard: list[CloudEvent] = []
    listener = Listener(uri, {broadcast_queue("test", "keys"): lambda bodies: heard.extend(map(from_json, bodies))})
    listener.start()
    assert listener.wait_until_ready(60)
    key_id, _ = running.create_key("events:read")
    admin.post(f"/v1/keys/{key_id}/revoke").raise_for_status()
    # At least once: the relays of two processes may both publish what is new, and a confirm may come too late.
    told = eventually(
        lambda: [event.type for event in heard if event.subject == key_id], lambda told: "KeyRevoked" in told
    )
    listener.stop()
    return list(dict.fromkeys(told)) == ["KeyCreated", "KeyRevoked"]
