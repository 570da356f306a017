"""RabbitMQ's alarm of a disk that is nearly full: what publishes is told so in time, and goes on once it is over."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kombu
import pytest

from shared.messaging.dead_letters import DeadLetters
from shared.messaging.exchanges import dead_letter_queue, durable_queue
from shared.messaging.pipelined_publishing import PipelinedLogBus
from shared.messaging.publishing import EventPublisher
from shared.messaging.rpc.call import CallFailed, call
from shared.messaging.rpc.kept_calls import KeptCalls
from shared.replication.relay import BusUnavailable
from tests.e2e.running import eventually
from tests.integration.shared.messaging.test_pipelined_publishing import page
from tests.servers import RabbitMq

SECONDS = 10
FAKE_KEYS = Path(__file__).with_name("rpc") / "fake_keys.py"
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(90)]


@pytest.fixture
def uri(rabbitmq: RabbitMq) -> str:
    return rabbitmq.new_vhost()


def test_who_publishes_in_an_alarm_is_told_and_publishes_after_it(rabbitmq: RabbitMq, uri: str) -> None:
    queue = durable_queue("auth", "keys")
    kept, pages = EventPublisher(uri, "keys"), PipelinedLogBus(uri, "keys")
    letters = DeadLetters(uri, queue)
    with kombu.Connection(uri) as connection:
        bound = queue(connection.default_channel)
        bound.declare()
        dead_letter_queue(queue)(connection.default_channel).declare()
        kept.publish("KeyNoted", {})
        connection.Producer().publish({}, exchange="grillo.dead", routing_key=dead_letter_queue(queue).routing_key)
        eventually(lambda: len(letters.list()), lambda count: count == 1)
        with rabbitmq.alarm(), ThreadPoolExecutor() as each:
            refused: list[Future[Any]] = [
                each.submit(lambda: [_is_refused(kept), _is_refused(kept)]),  # and by a connection that is new
                each.submit(lambda: pages.publish(page(1, 3)) == 0),
                each.submit(lambda: _is_refused(letters)),
            ]
            assert [one.result() for one in refused] == [[True, True], True, True]
        kept.publish("KeyNoted", {"after": True}, mandatory=True)
        assert pages.publish(page(1, 3)) == 3
        assert letters.replay() == 1
        arrived = [message.decode() for message in iter(lambda: bound.get(no_ack=True), None)]
        assert arrived.count({"after": True}) == 1


def _is_refused(what: EventPublisher | DeadLetters) -> bool:
    try:
        what.replay() if isinstance(what, DeadLetters) else what.publish("KeyNoted", {})
    except BusUnavailable as error:
        return "TimeoutError" in str(error)
    return False


@pytest.fixture
def keys(rabbitmq: RabbitMq, uri: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", str(FAKE_KEYS), RabbitMq.as_account(uri, "keys"), "{}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            eventually(lambda: rabbitmq.consumers(uri), lambda queues: queues.get("rpc-keys") == 1, every=0.5)
            yield service
        finally:
            service.terminate()


def test_a_service_that_cannot_answer_in_an_alarm_says_so_and_answers_after_it(
    rabbitmq: RabbitMq, uri: str, keys: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    asks = RabbitMq.as_account(uri, "usage")
    calls = KeptCalls(asks, seconds_max=SECONDS)
    assert calls.call("keys", "get_key", "org_1") == "usage about org_1"
    with ThreadPoolExecutor() as each:
        unanswered = each.submit(call, asks, "keys", "get_key", str(tmp_path), seconds_max=SECONDS)
        eventually((tmp_path / "asked").exists, bool)
        with rabbitmq.alarm():
            (tmp_path / "go-on").touch()
            not_asked = each.submit(calls.call, "keys", "get_key", "org_1")
            assert keys.stdout is not None
            assert any("call_not_answered" in line for line in keys.stdout)
            for future in (not_asked, unanswered):
                with pytest.raises(CallFailed, match="RpcTimeout"):
                    future.result()
    assert calls.call("keys", "get_key", "org_1") == "usage about org_1"
    assert keys.poll() is None
