"""Every committed row reaches the bus, in order, at least once; whatever fails costs time and never an event."""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from services.keys import events, tables
from services.keys.publication import publish
from shared.contracts.envelope import CloudEvent, from_json, to_json
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.envelopes import Envelopes
from shared.replication.lag import of_log
from shared.replication.relay import Doorbell, Relay
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import examples


class Bus:
    """Confirms what it is given, up to `room`; then it is away. `before` runs before each."""

    def __init__(self, before: Callable[[CloudEvent], None] = lambda event: None) -> None:
        self.published: list[CloudEvent] = []
        self.room = 1_000_000
        self._before = before

    def publish(self, events: Sequence[CloudEvent]) -> int:
        for number, event in enumerate(events):
            if len(self.published) >= self.room:
                return number
            self._before(event)
            self.published.append(event)
        return len(events)

    def positions(self) -> list[int]:
        return [event.position for event in self.published]


class Log:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlEventStore(database, tables.metadata)
        self.publication = Envelopes("keys", events.types, publish)

    def relay(self, bus: Bus, database: Database | None = None) -> Relay:
        return Relay(database or self.database, tables.metadata, self.store, self.publication, bus)

    def grow(self, count: int) -> None:
        with self.store.transaction() as tx:
            start = self.store.head(tx).position + 1
            for number in range(start, start + count):
                event = events.types.encode(examples.key_created(key_id=f"key_{number}"))
                self.store.append(tx, f"key_{number}", 0, [event], examples.ORIGIN.text(), rfc3339(examples.NOON))

    def cursor(self) -> int:
        with self.database.reading() as tx:
            position: int = tx.execute(select(tables.relay_cursor.c.position)).scalar_one()
        return position

    def head(self) -> Head:
        with self.store.reading() as tx:
            return self.store.head(tx)


@pytest.fixture
def log(keys_database: Database) -> Log:
    return Log(keys_database)


def test_everything_committed_is_published_in_order_and_once(log: Log) -> None:
    bus = Bus()
    relay = log.relay(bus)
    log.grow(5)
    assert relay.run() == 5
    log.grow(2)
    assert relay.run() == 2
    assert relay.run() == 0
    assert (bus.positions(), log.cursor()) == ([1, 2, 3, 4, 5, 6, 7], 7)


def test_a_backlog_of_many_pages_is_published_whole(log: Log) -> None:
    bus = Bus()
    log.grow(401)
    assert log.relay(bus).run() == 401
    assert bus.positions() == list(range(1, 402))


def test_an_envelope_says_what_where_and_after_what(log: Log) -> None:
    bus = Bus()
    log.grow(2)
    log.relay(bus).run()
    first, second = bus.published
    with log.store.reading() as tx:
        row = log.store.after(tx, 1, 1)[0]
    assert (second.id, second.source, second.type) == (f"{log.head().epoch}-2", "/grillo/keys", "KeyCreated")
    assert (second.subject, second.time, second.place) == ("key_2", examples.NOON, log.head())
    assert (second.hash, second.previous) == (row.hash, first.hash)
    with log.store.reading() as tx:
        assert first.previous == log.store.hash_at(tx, 0)
    assert from_json(to_json(second)) == second


def test_a_relay_that_begins_in_the_middle_knows_the_row_before(log: Log) -> None:
    log.grow(3)
    log.relay(Bus()).run()
    before = log.head()
    log.grow(1)
    bus = Bus()
    log.relay(bus).run()
    assert bus.published[0].previous == before.hash


def test_a_row_that_concerns_nobody_outside_still_has_its_envelope(log: Log) -> None:
    bus = Bus()
    log.publication = Envelopes("keys", events.types, lambda event: None)
    log.grow(1)
    log.relay(bus).run()
    assert (bus.published[0].position, bus.published[0].data) == (1, None)


def test_while_the_bus_is_away_the_relay_stays_where_it_is_and_then_goes_on(log: Log) -> None:
    bus = Bus()
    relay = log.relay(bus)
    log.grow(5)
    bus.room = 0
    assert relay.run() == 0
    bus.room = 3
    assert relay.run() == 3
    assert log.cursor() == 3
    bus.room = 1_000_000
    assert relay.run() == 2
    assert bus.positions() == [1, 2, 3, 4, 5]


def test_a_relay_that_dies_before_it_noted_its_place_repeats_and_loses_nothing(log: Log) -> None:
    def die(event: CloudEvent) -> None:
        if event.position == 3:
            raise SystemExit

    dying, next_one = Bus(before=die), Bus()
    log.grow(5)
    with pytest.raises(SystemExit):
        log.relay(dying).run()
    assert log.cursor() == 0
    log.relay(next_one).run()
    assert (dying.positions(), next_one.positions()) == ([1, 2], [1, 2, 3, 4, 5])


def test_the_cursor_never_goes_backwards(log: Log) -> None:
    """A slow relay confirms its old batch after a quick one has gone far beyond."""
    quick = log.relay(Bus())

    def overtake(event: CloudEvent) -> None:
        if event.position == 2:
            log.grow(4)
            quick.run()
            assert log.cursor() == 6

    slow = Bus(before=overtake)
    log.grow(2)
    log.relay(slow).run()
    assert log.cursor() == 6
    assert slow.positions() == [1, 2]


def test_two_relays_at_once_leave_out_nothing_and_each_keeps_the_order(log: Log) -> None:
    """Two processes: each has its own connection pool, and the log grows while they run."""
    buses = [Bus(), Bus()]
    databases = [Database(log.database.engine.url) for _ in buses]
    done = threading.Event()

    def run(bus: Bus, database: Database) -> None:
        relay = log.relay(bus, database)
        while not done.is_set():
            relay.run()
        relay.run()

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(run, bus, database) for bus, database in zip(buses, databases, strict=True)]
        try:
            for _ in range(40):
                log.grow(3)
        finally:
            done.set()
        for future in running:
            future.result()
    for bus in buses:
        assert bus.positions() == sorted(set(bus.positions()))
    assert {*buses[0].positions(), *buses[1].positions()} == set(range(1, 121))
    assert log.cursor() == 120
    for database in databases:
        database.close()


def test_one_relay_rung_from_many_threads_publishes_nothing_twice(log: Log) -> None:
    bus = Bus()
    relay = log.relay(bus)
    log.grow(50)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: relay.run(), range(8))) == 50
    assert bus.positions() == list(range(1, 51))


@pytest.mark.parametrize(
    "event",
    [
        examples.organisation_registered(name="SECRET WORDS"),
        examples.key_created(words="SECRET WORDS"),
        examples.key_revoked(note="SECRET WORDS"),
    ],
)
def test_no_envelope_carries_people_s_words_or_whom_another_back_end_asks_for(log: Log, event: object) -> None:
    """The actor is a key or an account."""
    words = "SECRET WORDS"
    origin = Origin(actor="key_1", on_behalf_of=words, request_id=words, causation=words)
    bus = Bus()
    with log.store.transaction() as tx:
        log.store.append(tx, "stream", 0, [events.types.encode(event)], origin.text(), rfc3339(examples.NOON))
    log.relay(bus).run()
    assert "SECRET" not in str(to_json(bus.published[0]))


class Runs:
    """Counts the runs of a relay, and lets a test hold one open."""

    def __init__(self) -> None:
        self.count = 0
        self.began, self.may_end = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> None:
        self.count += 1
        self.began.release()
        self.may_end.acquire()


def test_rings_during_a_run_become_one_more_run() -> None:
    runs = Runs()
    doorbell = Doorbell(runs)
    doorbell.start()
    doorbell.ring()
    runs.began.acquire()
    for _ in range(5):
        doorbell.ring()
    runs.may_end.release(10)
    runs.began.acquire()
    doorbell.stop()
    assert runs.count in (2, 3)  # the stop may make for one more, which finds nothing to do


def test_rings_during_a_rest_become_one_more_run() -> None:
    runs, rests, may_go_on = Runs(), threading.Semaphore(0), threading.Semaphore(0)
    runs.may_end.release(10)

    def rest(_seconds: float) -> None:
        rests.release()
        may_go_on.acquire()

    doorbell = Doorbell(runs, rest)
    doorbell.start()
    doorbell.ring()
    rests.acquire()
    for _ in range(5):
        doorbell.ring()
    may_go_on.release()
    rests.acquire()
    assert runs.count == 2
    may_go_on.release()
    doorbell.stop()


def test_what_was_rung_during_the_last_run_is_run_before_the_stop() -> None:
    runs = Runs()
    doorbell = Doorbell(runs)
    doorbell.start()
    doorbell.ring()
    runs.began.acquire()
    doorbell.ring()
    stopping = threading.Thread(target=doorbell.stop)
    stopping.start()
    while not doorbell._stopping:
        pass
    runs.may_end.release(10)
    stopping.join()
    assert runs.count >= 2


def test_a_run_that_fails_does_not_end_the_doorbell() -> None:
    ran = threading.Semaphore(0)

    def run() -> None:
        ran.release()
        raise ZeroDivisionError

    doorbell = Doorbell(run)
    doorbell.start()
    for _ in range(2):
        doorbell.ring()
        assert ran.acquire(timeout=5)
    doorbell.stop()


def test_operators_see_since_when_the_first_event_waits_that_the_bus_has_not_taken(log: Log) -> None:
    bus = Bus()

    def waits_since() -> float:
        told = {family.name: family.samples[0].value for family in of_log("keys", log.database, tables.metadata)()}
        return told["grillo_relay_oldest_timestamp_seconds"]

    assert waits_since() == math.inf
    log.grow(3)
    bus.room = 2
    assert waits_since() == examples.NOON.timestamp()
    log.relay(bus).run()
    assert waits_since() == examples.NOON.timestamp()
    bus.room = 3
    log.relay(bus).run()
    assert waits_since() == math.inf
