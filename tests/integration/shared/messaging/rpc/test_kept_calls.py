"""Calls over kept connections, asked of a service on RabbitMQ."""

import contextvars
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from shared.messaging.rpc import kept_calls
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.client import RpcClient
from shared.messaging.rpc.kept_calls import IDLE_MAX, KeptCalls
from shared.observability import trace_context
from tests.e2e.running import eventually
from tests.servers import RabbitMq, free_port

FAKE = Path(__file__).with_name("fake_keys.py")
pytestmark = pytest.mark.xdist_group("distributed")
ACCOUNTS = '{"reports": {"methods": ["keys.get_key"]}}'


@pytest.fixture
def uri(rabbitmq: RabbitMq) -> Iterator[str]:
    """Of a virtual host where a service named keys answers."""
    uri = rabbitmq.new_vhost()
    service = subprocess.Popen([sys.executable, str(FAKE), rabbitmq.as_account(uri, "keys"), ACCOUNTS])
    eventually(lambda: rabbitmq.consumers(uri).get("rpc-keys", 0), bool)
    yield rabbitmq.as_account(uri, "reports")
    service.terminate()
    service.wait()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[RpcClient]:
    """The connections that were opened."""
    clients: list[RpcClient] = []

    class Counted(RpcClient):
        def __init__(self, amqp_uri: str, **options: object) -> None:
            super().__init__(amqp_uri, **options)  # type: ignore[arg-type]  # handed through
            clients.append(self)

    monkeypatch.setattr(kept_calls, "RpcClient", Counted)
    return clients


def test_one_connection_serves_call_after_call(uri: str, opened: list[RpcClient]) -> None:
    calls = KeptCalls(uri, seconds_max=10)
    for number in range(5):
        assert calls.call("keys", "get_key", f"org_{number}") == f"reports about org_{number}"
    assert len(opened) == 1


def test_calls_at_the_same_time_each_have_their_answer_and_few_connections_are_kept(
    uri: str, opened: list[RpcClient]
) -> None:
    calls, answers = KeptCalls(uri, seconds_max=30), dict[int, str]()

    def ask(number: int) -> None:
        answers[number] = calls.call("keys", "get_key", f"org_{number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"reports about org_{number}" for number in range(12)}
    assert len(calls._idle) <= IDLE_MAX


def test_a_connection_that_broke_while_idle_is_replaced(uri: str, opened: list[RpcClient]) -> None:
    calls = KeptCalls(uri, seconds_max=10)
    calls.call("keys", "get_key", "org_a")
    opened[0]._reply_listener.queue_consumer.connection.close()
    assert calls.call("keys", "get_key", "org_b") == "reports about org_b"
    assert len(opened) == 2


def test_no_answer_gives_the_connection_up(uri: str, opened: list[RpcClient]) -> None:
    calls = KeptCalls(uri, seconds_max=0.5)
    with pytest.raises(CallFailed, match=r"nobody\.get_key"):
        calls.call("nobody", "get_key", "org_a")
    assert calls._idle.count(opened[0]) == 0


def test_a_broker_that_is_away_is_no_answer() -> None:
    calls = KeptCalls(f"amqp://127.0.0.1:{free_port()}/", seconds_max=0.5)
    with pytest.raises(CallFailed, match="ConnectionRefusedError"):
        calls.call("usage", "summary")


def test_a_call_that_lapses_is_dropped_once_nobody_waits_for_it(rabbitmq: RabbitMq) -> None:
    uri = rabbitmq.new_vhost()
    with Connection(uri) as operator:
        channel = operator.channel()
        channel.queue_declare("rpc-keys", durable=True, auto_delete=False)
        channel.queue_bind("rpc-keys", "nameko-rpc", "keys.*")
        for lapses in (True, False):
            calls = KeptCalls(rabbitmq.as_account(uri, "reports"), seconds_max=1, lapses=lapses)
            with pytest.raises(CallFailed):
                calls.call("keys", "get_key", "org_a")
        left = eventually(
            lambda: channel.queue_declare("rpc-keys", passive=True).message_count, lambda count: count < 2
        )
    assert left == 1, "the one that waits for a service, however long"


def test_a_call_belongs_to_the_trace_of_what_it_is_made_for(uri: str) -> None:
    calls, trace = KeptCalls(uri, seconds_max=10), "4bf92f3577b34da6a3ce929d0e0e4736"
    for_it = contextvars.copy_context()
    for_it.run(trace_context.current.set, f"00-{trace}-00f067aa0ba902b7-01")
    told = for_it.run(calls.call, "keys", "get_key", "org_trace")
    assert told[3:35] == trace
    assert told[36:52] != "00f067aa0ba902b7"
    assert calls.call("keys", "get_key", "org_trace") == ""
