"""From the log to a follower over the embedded transport, the real one: published, heard, applied; and a faulty bus."""

import random
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from kombu import Connection, Queue

from services.keys import events, tables
from services.keys.publication import publish
from shared.contracts.envelope import CloudEvent, from_json, to_json
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.messaging import embedded_transport
from shared.messaging.accounts.publisher import AccountPublisher
from shared.messaging.broadcast_listener import Listener
from shared.messaging.embedded_transport import URL
from shared.messaging.exchanges import broadcast_queue, durable_queue
from shared.messaging.publishing import EventPublisher, LogBus
from shared.replication.envelopes import Envelopes
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable, LogFeed
from shared.replication.heads.held_heads import HeldHead
from shared.replication.relay import BusUnavailable, Relay
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import examples

WAIT_SECONDS = 20
EMPTY = Snapshot(place=None, grants=(), tiers={}, policy={})
PUBLICATION = Envelopes("keys", events.types, publish)


class Ears:
    """Hears whatever is published, hands it on, and lets a test wait for so many messages."""

    def __init__(self, hand_on: Callable[[CloudEvent], object] = lambda event: None) -> None:
        self.heard: list[CloudEvent] = []
        self._hand_on, self._changed = hand_on, threading.Condition()

    def __call__(self, bodies: Sequence[Any]) -> None:
        for event in map(from_json, bodies):
            self._hear(event)

    def _hear(self, event: CloudEvent) -> None:
        try:
            self._hand_on(event)
        finally:
            with self._changed:
                self.heard.append(event)
                self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= count, WAIT_SECONDS)


class FaultyBus:
    """Stands before the real bus: loses, repeats, delays and so reorders. It confirms everything."""

    def __init__(self, bus: LogBus, chance: random.Random) -> None:
        self._bus, self._chance = bus, chance
        self._held: list[CloudEvent] = []
        self.sent = 0

    def publish(self, events: Sequence[CloudEvent]) -> int:
        for event in events:
            self._held += [event] * self._chance.choices([0, 1, 2], [25, 60, 15])[0]
            while self._held and self._chance.random() < 0.6:
                self.sent += self._bus.publish([self._held.pop(self._chance.randrange(len(self._held)))])
        return len(events)


class Away:
    """A feed that cannot be reached once `is_away`."""

    def __init__(self, feed: LogFeed) -> None:
        self._feed, self.is_away = feed, False

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        if self.is_away:
            raise FeedUnavailable("away")
        return self._feed.pull(after, acknowledgement, held)


class Scene:
    """A log of keys, published as a service nobody else in this process publishes as, and a gate's grants."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        embedded_transport.register()
        self.service = f"keys-{secrets.token_hex(4)}"
        self.database = database
        self.store = SqlEventStore(database, tables.metadata)
        self.bus = LogBus(EventPublisher(URL, self.service))
        self.feed = Away(LogFeed(database, self.store, PUBLICATION))
        self.grants = Grants()
        follower = GrantsFollower(self.grants, lambda: EMPTY, distrust=lambda: None)
        self.subscription = Subscription(self.feed, follower, clock)
        self._listeners: list[Listener] = []
        self._created = 0

    def relay(self, bus: LogBus | FaultyBus) -> Relay:
        return Relay(self.database, tables.metadata, self.store, PUBLICATION, bus)

    def listen(self, ears: Ears, queue: Queue | None = None) -> Listener:
        listener = Listener(URL, {queue or broadcast_queue("gate", self.service): ears})
        listener.start()
        assert listener.wait_until_ready(WAIT_SECONDS)
        self._listeners.append(listener)
        return listener

    def stop(self, listener: Listener) -> None:
        """One message more, so that nobody waits for the listener to look up by itself."""
        listener.should_stop = True
        self.bus.publish([an_event()])
        listener.stop()

    def close(self) -> None:
        for listener in self._listeners:
            self.stop(listener)

    def grow(self, chance: random.Random) -> None:
        """A key is created, or the last one is revoked."""
        if self._created and chance.random() < 0.3:
            self._append(f"key_{self._created}", 1, examples.key_revoked(key_id=f"key_{self._created}"))
            self._created += 1  # the next is a new one
        self._created += 1
        key_id = f"key_{self._created}"
        self._append(key_id, 0, examples.key_created(key_id=key_id, digest=f"digest of {key_id}"))

    def assert_grants_equal_the_log(self) -> None:
        expected = Grants()
        anew = GrantsFollower(expected, lambda: EMPTY, distrust=lambda: None)
        events = LogFeed(self.database, self.store, PUBLICATION).pull(None).events
        anew.apply(events)
        assert self.grants.state() == expected.state()
        assert self.grants.place == events[-1].place

    def _append(self, stream: str, version: int, event: object) -> None:
        with self.store.transaction() as tx:
            self.store.append(tx, stream, version, [events.types.encode(event)], "{}", rfc3339(examples.NOON))


@pytest.fixture
def scene(keys_database: Database, clock: ManualClock) -> Iterator[Scene]:
    scene = Scene(keys_database, clock)
    yield scene
    scene.close()


def test_pushes_alone_bring_every_event_in_order(scene: Scene) -> None:
    chance, relay = random.Random(1), scene.relay(scene.bus)
    scene.grow(chance)
    scene.subscription.pull()
    scene.feed.is_away = True
    ears = Ears(scene.subscription.push)
    scene.listen(ears)
    for _ in range(50):
        scene.grow(chance)
        relay.run()
    ears.wait_for(count := positions_in(scene))
    assert [event.position for event in ears.heard] == list(range(1, count + 1))
    scene.assert_grants_equal_the_log()


def test_an_envelope_arrives_as_it_was_published(scene: Scene) -> None:
    ears = Ears()
    scene.listen(ears)
    scene.grow(random.Random(1))
    scene.relay(scene.bus).run()
    ears.wait_for(1)
    assert on_the_wire(ears.heard) == on_the_wire(scene.feed.pull(None).events)


def test_every_listener_hears_everything(scene: Scene) -> None:
    several = [Ears() for _ in range(3)]
    for ears in several:
        scene.listen(ears)
    for _ in range(5):
        scene.grow(random.Random(1))
    scene.relay(scene.bus).run()
    for ears in several:
        ears.wait_for(positions_in(scene))
    assert several[0].heard == several[1].heard == several[2].heard


@pytest.mark.parametrize("seed", range(6))
def test_over_a_bus_that_loses_repeats_and_reorders_the_grants_end_equal_to_the_log(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    bus = FaultyBus(scene.bus, chance)
    relay, ears = scene.relay(bus), Ears(scene.subscription.push)
    scene.listen(ears)
    for _ in range(60):
        scene.grow(chance)
        relay.run()
        if chance.random() < 0.1:
            scene.subscription.pull()
    ears.wait_for(bus.sent)
    scene.subscription.pull()
    scene.assert_grants_equal_the_log()


def test_a_message_that_cannot_be_heard_does_not_stop_those_behind_it(scene: Scene) -> None:
    def choke(event: CloudEvent) -> None:
        if event.position == 1:
            raise ZeroDivisionError

    ears = Ears(choke)
    scene.listen(ears)
    for _ in range(2):
        scene.grow(random.Random(1))
    scene.relay(scene.bus).run()
    ears.wait_for(2)
    assert [event.position for event in ears.heard[:2]] == [1, 2]


def test_a_follower_s_queue_keeps_what_comes_while_nobody_listens(scene: Scene) -> None:
    queue = durable_queue("follower", scene.service)
    with Connection(URL) as connection:
        queue(connection.channel()).declare()
    scene.grow(random.Random(1))
    scene.relay(scene.bus).run()
    ears = Ears()
    scene.listen(ears, queue)
    ears.wait_for(positions_in(scene))
    assert on_the_wire(ears.heard) == on_the_wire(scene.feed.pull(None).events)


def test_a_broker_that_is_not_there_is_said_to_be_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    monkeypatch.setattr(AccountPublisher, "transport_options", at_once)  # without this it takes 5 s to find out
    publisher = EventPublisher("pyamqp://guest:guest@127.0.0.1:1//", "keys")
    with pytest.raises(BusUnavailable, match="while publishing KeyNoted"):
        publisher.publish("KeyNoted", {})
    assert LogBus(publisher).publish([an_event(), an_event()]) == 0


def an_event() -> CloudEvent:
    return CloudEvent(
        id="e-1",
        source="/grillo/keys",
        type="KeyNoted",
        time=examples.NOON,
        subject="s",
        epoch="e",
        position=1,
        hash="0",
    )


def on_the_wire(events: Iterable[CloudEvent]) -> list[bytes]:
    return [msgspec.json.encode(to_json(event)) for event in events]


def positions_in(scene: Scene) -> int:
    with scene.store.reading() as tx:
        return scene.store.head(tx).position
