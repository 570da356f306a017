"""An attacker who holds all of one service: its accounts, its token, its database, and a place on the network."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import msgspec
import sqlalchemy
from amqp import Message
from amqp.exceptions import AccessRefused
from kombu import Connection, Queue

from shared.contracts import keys
from shared.contracts.usage import BatchesCounted
from shared.messaging.exchanges import ORIGINAL_SENDER
from shared.messaging.rpc.call import call
from shared.messaging.rpc.feed import feed_service
from shared.values.accounts import SERVICES
from tests import local_http
from tests.e2e.running import Distributed
from tests.trust.forger import Victims, events_of_each_type, head_of, in_envelope

METERED = "usage.follows.auth.RequestMetered"
FOLLOWED = {"auth": ("auth.follows.keys",), "usage": ("usage.follows.keys", METERED)}
_CALLS = ("keys.revoke_key", "keys.delete_key", "keys.suspend_key", "auth.verify")


def publish(uri: str, exchange: str, routing_key: str, body: object, **properties: Any) -> None:
    """Raises AccessRefused."""
    message = Message(
        msgspec.json.encode(body), content_type="application/json", content_encoding="utf-8", **properties
    )
    with Connection(uri) as connection:
        connection.channel().basic_publish_confirm(message, exchange=exchange, routing_key=routing_key)


class Attacker:
    def __init__(self, system: Distributed, service: str, victims: Victims) -> None:
        self.service, self.others = service, sorted(SERVICES - {service})
        self._stack, self._victims = system.stack, victims
        self.amqp_uri = system.stack.amqp_uri(service)
        self._doors = {of: self._door(of) for of in SERVICES}

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    def door(self, of: str) -> httpx.Client:
        """The internal door of a service, with this service's token."""
        return self._doors[of]

    def publish(self, exchange: str, routing_key: str, body: object, **properties: Any) -> None:
        publish(self.amqp_uri, exchange, routing_key, body, user_id=self.service, **properties)

    def acknowledges(self, gate: str) -> int:
        """In the name of a gate, at the internal door of keys. The status of the answer."""
        return self.door("keys").get("/internal/feed", params={"gate": gate, "events": 1}).status_code

    def pull_over_rpc(self, gate: str) -> object:
        acknowledgement = {"gate": gate, "position": 1}
        return call(self.amqp_uri, feed_service("keys"), "pull", None, acknowledgement, seconds_max=30)

    def said_for_others(self) -> Iterator[tuple[str, str, Any]]:
        """(exchange, routing key, body): all that is not this service's to say, on every way to who would hear it."""
        head = head_of(self._stack)
        created: dict[str, Any] = {}
        for event in events_of_each_type(self._victims):
            said = msgspec.to_builtins(in_envelope(event, head))
            created = said if isinstance(event, keys.KeyCreated) else created
            yield "keys.events", type(event).__name__, said
        if self.service != "auth":
            yield "auth.events", "KeyCreated", created
        if self.service != "usage":
            yield "usage.events", "BatchesCounted", BatchesCounted(batches=(("every segment", 0),))
            yield "usage.events", "KeyUsed", {"last_used": {self._victims.living: "2026-11-28T12:00:00Z"}}
            yield "usage.events", "AlertRaised", {}
        if self.service != "sensors":
            yield "sensors.events", "SensorRegistered", {}
        for follower in FOLLOWED.keys() - {self.service}:
            for queue in FOLLOWED[follower]:
                yield "", queue, created
                yield f"{follower}.replayed", queue, created
        for procedure in _CALLS:
            yield "nameko-rpc", procedure, self._revocation()

    def says(self, exchange: str, routing_key: str, body: object) -> bool:
        """Whether RabbitMQ takes it."""
        try:
            self.publish(exchange, routing_key, body)
        except AccessRefused:
            return False
        return True

    def says_by_a_dying_message(self, exchange: str, routing_key: str) -> bool:
        """By a queue of its own, whose messages die at once and go there: RabbitMQ asks no right to the routing key.

        False: RabbitMQ does not take such a queue.
        """
        here = str(uuid.uuid4())
        arguments = {"x-message-ttl": 0, "x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": routing_key}
        with Connection(self.amqp_uri) as connection:
            channel = connection.channel()
            try:
                queue = f"{self.service}.hears.detour-{here}"
                channel.queue_declare(queue, exclusive=True, arguments=arguments)
                channel.queue_bind(queue, "nameko-rpc", here)
                self.publish("nameko-rpc", here, self._revocation(), reply_to=here, correlation_id=here)
            except AccessRefused:
                return False
        return True

    def buries(self, follower: str, queue: str) -> bool:
        """Puts a forged event among the follower's dead letters, as if keys had said it. False: RabbitMQ refuses."""
        (created,) = (event for event in events_of_each_type(self._victims) if isinstance(event, keys.KeyCreated))
        death = {"exchange": f"{follower}.replayed", "reason": "rejected", "queue": queue, "routing-keys": [queue]}
        headers = {ORIGINAL_SENDER: "keys", "x-death": [death]}
        body = msgspec.to_builtins(in_envelope(created, head_of(self._stack)))
        try:
            self.publish("grillo.dead", queue, body, application_headers=headers)
        except AccessRefused:
            return False
        return True

    @contextmanager
    def swallows(self, queue: str) -> Iterator[list[Any]]:
        """Takes from a queue of its own service what it gets beside the honest process, and drops it. The bodies."""
        swallowed: list[Any] = []
        over = threading.Event()

        def swallow(body: object, message: Any) -> None:
            swallowed.append(body)
            message.ack()

        def serve() -> None:
            with (
                Connection(self.amqp_uri) as connection,
                connection.Consumer(Queue(queue, no_declare=True), callbacks=[swallow], accept=["json"]),
            ):
                while not over.is_set():
                    with suppress(TimeoutError):
                        connection.drain_events(timeout=0.2)

        with ThreadPoolExecutor(1) as pool:
            serving = pool.submit(serve)
            try:
                yield swallowed
            finally:
                over.set()
            serving.result()

    def opens_database_of(self, service: str) -> bool:
        """With its own role."""
        own, other = (sqlalchemy.make_url(self._stack.databases()[name]) for name in (self.service, service))
        engine = sqlalchemy.create_engine(own.set(database=other.database))
        try:
            engine.connect().close()
        except sqlalchemy.exc.OperationalError:
            return False
        finally:
            engine.dispose()
        return True

    def _revocation(self) -> dict[str, Any]:
        arguments = {"organisation_id": self._victims.organisation, "key_id": self._victims.living, "actor": "an owner"}
        return {"args": [], "kwargs": arguments}

    def _door(self, of: str) -> httpx.Client:
        token = self._stack.settings(self.service)["INTERNAL_TOKEN"]
        headers = {"Authorization": f"Bearer {token}"}
        return local_http.client(base_url=self._stack.internal_url(of), headers=headers, timeout=60)
