"""Calls on RabbitMQ, between accounts with the rights of ops/rabbitmq/rights.json."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from nameko.standalone.rpc import ClusterRpcProxy

from shared.contracts.errors import NotAllowed
from shared.messaging.accounts.admission import Refused
from shared.messaging.accounts.rpc_accounts import read_rpc_accounts
from shared.messaging.accounts.rules import Accounts
from shared.messaging.rpc.call import CallFailed, call
from shared.messaging.rpc.client import RpcClient
from shared.observability import metrics
from tests.e2e.running import eventually
from tests.servers import RabbitMq

SECONDS = 20
REPORTS = b'{"reports": {"methods": ["keys.get_key", "keys.revoke_key"], "organisations": ["org_1"]}}'
DEMANDED = Accounts(demanded=True, others=read_rpc_accounts(REPORTS))
FAKE_KEYS = Path(__file__).with_name("fake_keys.py")
pytestmark = pytest.mark.xdist_group("distributed")


class World:
    def __init__(self, rabbitmq: RabbitMq) -> None:
        self._uri = rabbitmq.new_vhost()
        command = [sys.executable, str(FAKE_KEYS), self.of("keys"), REPORTS.decode()]
        self._service = subprocess.Popen(command)
        eventually(lambda: rabbitmq.consumers(self._uri), lambda queues: queues.get("rpc-keys") == 1, every=0.5)

    def of(self, account: str) -> str:
        return RabbitMq.as_account(self._uri, account)

    def call(self, account: str, method: str, *arguments: str) -> Any:
        return call(self.of(account), "keys", method, *arguments, seconds_max=SECONDS, accounts=DEMANDED)

    def publish(self, account: str, body: object, routing_key: str, **properties: Any) -> None:
        """On the exchange of calls and answers."""
        with Connection(self.of(account), transport_options={"confirm_publish": True}) as connection:
            connection.Producer().publish(
                json.dumps(body),
                exchange="nameko-rpc",
                routing_key=routing_key,
                user_id=account,
                content_type="application/json",
                content_encoding="utf-8",
                **properties,
            )

    def close(self) -> None:
        self._service.terminate()
        self._service.wait(30)


@pytest.fixture(scope="module")
def world(rabbitmq: RabbitMq) -> Iterator[World]:
    world = World(rabbitmq)
    yield world
    world.close()


def refused(reason: Refused) -> float:
    count: float = metrics.messages_refused.labels(reason.value)._value.get()
    return count


def test_a_call_is_made_under_its_account(world: World) -> None:
    assert world.call("reports", "get_key", "org_1") == "reports about org_1"
    assert world.call("usage", "get_key", "org_2") == "usage about org_2"


@pytest.mark.parametrize(
    ("method", "arguments"), [("get_key", ["org_2"]), ("revoke_key", [])], ids=["a foreign one", "all of them"]
)
def test_an_account_that_is_bound_to_organisations_is_told_so(world: World, method: str, arguments: list[str]) -> None:
    with pytest.raises(NotAllowed, match="reports may not call"):
        world.call("reports", method, *arguments)


def test_what_an_account_need_not_call_does_not_reach_the_service(world: World) -> None:
    with pytest.raises(CallFailed, match="AccessRefused"):
        world.call("sensors", "get_key", "org_1")


def test_a_call_without_an_account_is_told_what_is_missing(world: World) -> None:
    """The operator's account may declare what nameko's own client declares."""
    proxy = ClusterRpcProxy({"AMQP_URI": world.of("grillo")}, timeout=SECONDS)
    with proxy as plain, pytest.raises(NotAllowed, match="user_id"):
        plain.keys.get_key("org_1")


def test_a_call_that_cannot_be_answered_is_dropped_and_the_next_is_answered(world: World) -> None:
    for reply_to in ({}, {"reply_to": "usage.spent"}):
        world.publish("usage", {"args": ["org_1"], "kwargs": {}}, "keys.get_key", **reply_to)
    assert world.call("usage", "get_key", "org_1") == "usage about org_1"


def test_an_answer_of_another_account_is_dropped_and_the_genuine_one_taken(world: World) -> None:
    before = refused(Refused.ANSWER)
    with RpcClient(world.of("usage"), timeout=SECONDS, accounts=DEMANDED) as cluster:
        asked = cluster.keys.get_key
        listener = asked.reply_listener
        correlation_id = "known to the forger"
        event = listener.get_reply_event(correlation_id)
        forged = {"result": "forged", "error": None}
        world.publish("sensors", forged, listener.routing_key, correlation_id=correlation_id)
        request = {"args": ["org_1"], "kwargs": {}}
        reply = {"reply_to": listener.routing_key, "correlation_id": correlation_id}
        world.publish("usage", request, "keys.get_key", **reply)
        assert event.wait() == {"result": "usage about org_1", "error": None}
    assert refused(Refused.ANSWER) == before + 1
