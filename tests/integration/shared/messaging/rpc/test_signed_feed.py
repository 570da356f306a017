"""Pulls over RPC on RabbitMQ, while a forger answers half of them in the place of keys: none of those is believed."""

import threading
from collections.abc import Callable
from typing import Any

import kombu
import msgspec
import pytest

from shared.eventsourcing.event_store import Head
from shared.messaging.rpc import feed as rpc_feed
from shared.messaging.rpc.feed import RpcFeed, feed_service
from shared.replication.feed import FeedUnavailable
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.replication.proof.signed_pages import question, signed_page
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, MemoryLog, created
from tests.servers import RabbitMq

PULLS = 12
RPC = kombu.Exchange("nameko-rpc", type="topic", durable=True)
pytestmark = pytest.mark.xdist_group("distributed")


class Answerer:
    """Consumes the calls of keys' feed, as each account of the broker can, and answers in nameko's form."""

    def __init__(self, amqp_uri: str, answer: Callable[[Head | None, str | None], object]) -> None:
        self._answer, self.answered = answer, 0
        self._connection, self._over = kombu.Connection(amqp_uri), threading.Event()
        service = feed_service("keys")
        queue = kombu.Queue(f"rpc-{service}", exchange=RPC, routing_key=f"{service}.*", durable=True)
        self._channel = self._connection.channel()
        self._channel.basic_qos(0, 1, False)
        self._consumer = kombu.Consumer(self._channel, [queue], callbacks=[self._reply], accept=["json"])
        self._consumer.consume()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._connection.release()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                self._connection.drain_events(timeout=0.1)
            except TimeoutError:
                continue

    def _reply(self, body: dict[str, Any], message: Any) -> None:
        after, _, *nonce = body["args"]
        place = None if after is None else msgspec.convert(after, type=Head)
        result = msgspec.to_builtins(self._answer(place, nonce[0] if nonce else None))
        kombu.Producer(self._channel).publish(
            {"result": result, "error": None},
            exchange=RPC,
            routing_key=message.properties["reply_to"],
            correlation_id=message.properties["correlation_id"],
            serializer="json",
        )
        message.ack()
        self.answered += 1


def test_half_of_the_answers_are_a_forgers_and_none_of_them_is_believed(
    rabbitmq: RabbitMq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_feed, "PULL_SECONDS_MAX", 30)  # a busy machine; the broker is there all the time
    amqp_uri, clock = rabbitmq.new_vhost(), ManualClock(NOW)
    logs, signers = (MemoryLog(clock), MemoryLog(clock)), (Signer(new_private_key()), Signer(new_private_key()))
    for log, number in zip(logs, (1, 666), strict=True):
        log.append(created(number, permissions=("admin",)))

    def answering(log: MemoryLog, signer: Signer) -> Callable[[Head | None, str | None], object]:
        def answer(after: Head | None, nonce: str | None) -> object:
            page = log.pull(after)
            return page if nonce is None else signed_page(signer, question(nonce, after, None), page)

        return answer

    answerers = [Answerer(amqp_uri, answering(log, signer)) for log, signer in zip(logs, signers, strict=True)]

    def told(feed: RpcFeed) -> set[str]:
        found = set()
        for _ in range(PULLS):
            try:
                found |= {event.subject for event in feed.pull(None).events}
            except FeedUnavailable:
                found.add("no answer")
        return found

    assert told(RpcFeed(amqp_uri, "keys")) == {"key_1", "key_666"}
    assert told(RpcFeed(amqp_uri, "keys", Verifier([signers[0].public_key]))) == {"key_1", "no answer"}
    for answerer in answerers:
        answerer.close()
    assert all(answerer.answered >= PULLS // 2 for answerer in answerers)
