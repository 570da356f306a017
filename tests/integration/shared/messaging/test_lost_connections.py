"""A connection that goes as something is written to it: its consumer hears on by another, and its service lives on."""

import socket
import threading
from collections.abc import Callable
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest

from shared.messaging.broadcast_listener import Listener
from shared.messaging.consuming import queue_consumer
from shared.messaging.consuming.queue_consumer import PromptQueueConsumer
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher
from tests.servers import RabbitMq

WAIT_SECONDS = 60


def test_a_consumer_that_rests_while_a_write_finds_its_connection_gone_hears_by_the_next(
    rabbitmq: RabbitMq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an acknowledgement does by another greenlet; kombu would connect anew, and consume nothing there."""
    lost, heard = threading.Event(), Queue[Any]()
    rest = queue_consumer._rest

    def lose(connection: Any, woken: socket.socket) -> None:
        if not lost.is_set():
            listener._ready.clear()
            connection.sock.shutdown(socket.SHUT_RDWR)
            with pytest.raises(ConnectionError):
                connection.send_heartbeat()
            lost.set()
        rest(connection, woken)

    monkeypatch.setattr(queue_consumer, "_rest", lose)
    uri = rabbitmq.new_vhost()
    listener = Listener(uri, {broadcast_queue("gate", "keys"): heard.put})
    listener.start()
    assert lost.wait(WAIT_SECONDS)
    assert listener.wait_until_ready(WAIT_SECONDS)
    EventPublisher(uri, "keys").publish("KeyCreated", {"a": 1})
    assert heard.get(timeout=WAIT_SECONDS) == [{"a": 1}]
    listener.stop()


@pytest.mark.parametrize("answer", [PromptQueueConsumer.ack_message, PromptQueueConsumer.reject_message])
def test_an_answer_to_a_message_whose_connection_has_just_gone_ends_nothing(answer: Callable[..., None]) -> None:
    asked: list[str] = []

    def gone() -> None:
        asked.append("")
        raise ConnectionResetError

    answer(PromptQueueConsumer(), SimpleNamespace(ack=gone, reject=gone, channel=SimpleNamespace(connection=True)))
    assert asked
