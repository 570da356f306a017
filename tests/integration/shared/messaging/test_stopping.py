"""Consumers end when they are asked to: while they wait, without a broker, and with nothing left to hear twice."""

import json
import socket
import subprocess
import sys
import threading
from queue import Queue
from typing import Any

import pytest

from shared.messaging import embedded_transport
from shared.messaging.broadcast_listener import Listener
from shared.messaging.consuming import queue_consumer
from shared.messaging.consuming.queue_consumer import LOOK_SECONDS
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher
from tests.servers import RabbitMq

WAIT_SECONDS = 60
STOPPED_AS_A_MESSAGE_IS_HANDLED = """
from shared.messaging.eventlet_patching import cooperate
cooperate()
import json, sys
import eventlet
from eventlet.event import Event
from kombu import Connection
from nameko.runners import ServiceRunner
from shared.messaging import embedded_transport
from shared.messaging.entrypoints import follows
from shared.messaging.exchanges import durable_queue
from shared.messaging.publishing import EventPublisher

embedded_transport.register()
transport = embedded_transport.Transport
transport.connection_errors = (OSError,)
begun, go_on = Event(), Event()

class Follower:
    name = "auth"

    @follows("auth", "keys")
    def hear(self, bodies):
        begun.send()
        go_on.wait()

runner = ServiceRunner({"AMQP_URI": embedded_transport.URL})
runner.add_service(Follower)
runner.start()
EventPublisher(embedded_transport.URL, "keys").publish("KeyCreated", {})
begun.wait()
refused = Event()

def refuse(*_, **__):
    if not refused.ready():
        refused.send()
    raise ConnectionRefusedError

if sys.argv[1] == "disconnected":
    transport.drain_events = transport.establish_connection = refuse
    refused.wait()
stopping = eventlet.spawn(runner.stop)
eventlet.sleep(1.5)  # longer than kombu waits by itself
go_on.send()
stopping.wait()
if sys.argv[1] == "disconnected":
    print(json.dumps("stopped"))
else:
    with Connection(embedded_transport.URL) as connection:
        queue = durable_queue("auth", "keys")(connection.default_channel)
        print(json.dumps(queue.get() is None))
"""
STOPPED_AT_REST = """
from shared.messaging.eventlet_patching import cooperate
cooperate()
import sys
from eventlet.event import Event
from nameko.runners import ServiceRunner
from shared.messaging.consuming import queue_consumer
from shared.messaging.entrypoints import follows

rest, resting = queue_consumer._rest, Event()

def noted(*args):
    if not resting.ready():
        resting.send()
    rest(*args)

queue_consumer._rest, queue_consumer.REST_SECONDS_MAX = noted, 3600

class Follower:
    name = "auth"

    @follows("auth", "keys")
    def hear(self, bodies):
        pass

runner = ServiceRunner({"AMQP_URI": sys.argv[1]})
runner.add_service(Follower)
runner.start()
resting.wait()
getattr(runner, sys.argv[2])()
"""


def test_no_consumer_waits_long_without_looking_whether_it_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    drain_events: Any = embedded_transport.Transport.drain_events

    def noted(self: Any, connection: Any, timeout: float | None = None) -> None:
        waits.append(WAIT_SECONDS if timeout is None else timeout)
        drain_events(self, connection, timeout)

    embedded_transport.register()
    monkeypatch.setattr(embedded_transport.Transport, "drain_events", noted)
    listener = Listener(embedded_transport.URL, {broadcast_queue("gate", "keys"): lambda bodies: None})
    listener.start()
    assert listener.wait_until_ready(WAIT_SECONDS)
    listener.stop()
    assert max(waits) <= LOOK_SECONDS


def test_a_listener_to_which_nothing_comes_rests_and_is_woken_by_a_message_and_by_its_end(
    rabbitmq: RabbitMq, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests, heard = Queue[None](), Queue[Any]()
    rest = queue_consumer._rest

    def noted(*args: Any) -> None:
        rests.put(None)
        rest(*args)

    monkeypatch.setattr(queue_consumer, "_rest", noted)
    monkeypatch.setattr(queue_consumer, "REST_SECONDS_MAX", 3600)
    uri = rabbitmq.new_vhost()
    listener = Listener(uri, {broadcast_queue("gate", "keys"): heard.put})
    listener.start()
    rests.get(timeout=WAIT_SECONDS)
    EventPublisher(uri, "keys").publish("KeyCreated", {"a": 1})
    assert heard.get(timeout=WAIT_SECONDS) == [{"a": 1}]
    rests.get(timeout=WAIT_SECONDS)
    stopping = threading.Thread(target=listener.stop, daemon=True)
    stopping.start()
    stopping.join(WAIT_SECONDS)
    assert not stopping.is_alive()
    assert rests.empty()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_service_at_rest_ends_when_it_is_asked_to(rabbitmq: RabbitMq, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOPPED_AT_REST, rabbitmq.new_vhost(), way],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_a_listener_without_a_broker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Event()
    monkeypatch.setattr(Listener, "on_connection_error", lambda *_: tried.set())
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        listener = Listener(
            f"amqp://127.0.0.1:{nobody.getsockname()[1]}", {broadcast_queue("gate", "keys"): lambda bodies: None}
        )
        listener.start()
        assert tried.wait(WAIT_SECONDS)
        stopping = threading.Thread(target=listener.stop, daemon=True)
        stopping.start()
        stopping.join(WAIT_SECONDS)
        assert not stopping.is_alive()


@pytest.mark.parametrize("broker", ["connected", "disconnected"])
def test_what_a_service_handles_at_the_stop_is_acknowledged_and_no_broker_holds_it_up(broker: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOPPED_AS_A_MESSAGE_IS_HANDLED, broker],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
