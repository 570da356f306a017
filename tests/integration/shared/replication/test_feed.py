"""The log as followers pull it: LogFeed and its twin in memory, held to one behaviour."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select

from services.keys import assembly, events, tables
from services.keys.publication import publish
from services.keys.revocation.propagation import Propagation
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.event_store import EventStore, Head, MemoryEventStore, genesis_hash
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.envelopes import Envelopes
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, Feed, LogFeed
from shared.replication.relay import Relay
from shared.runtime.clock import ManualClock, SystemClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import examples
from tests.examples import NoBus
from tests.memory_feed import MemoryFeed
from tests.service_database import migrated

PUBLICATION = Envelopes("keys", events.types, publish)
Acknowledge = Callable[[Acknowledgement, str | None], None]


class Log:
    """A log of keys and the feed over it."""

    def __init__(self, store: EventStore[Connection], feed: Callable[[Acknowledge | None], Feed]) -> None:
        self._store, self.feed_with, self.feed = store, feed, feed(None)

    def grow(self, count: int = 1) -> None:
        with self._store.transaction() as tx:
            start = self._store.head(tx).position + 1
            for number in range(start, start + count):
                event = events.types.encode(examples.key_created(key_id=f"key_{number}"))
                self._store.append(tx, f"key_{number}", 0, [event], "{}", rfc3339(examples.NOON))

    def place(self, position: int) -> Head:
        with self._store.reading() as tx:
            return Head(
                epoch=self._store.head(tx).epoch, position=position, hash=self._store.hash_at(tx, position) or ""
            )


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, keys_database: Database, clock: ManualClock) -> Log:
    if request.param == "memory":
        twin = MemoryEventStore("epoch 1")
        return Log(twin, lambda acknowledge: MemoryFeed(twin, PUBLICATION, clock, acknowledge))  # type: ignore[arg-type]  # its transactions are its own
    store = SqlEventStore(keys_database, tables.metadata)
    return Log(store, lambda acknowledge: LogFeed(keys_database, store, PUBLICATION, acknowledge))


def positions(events: tuple[CloudEvent, ...]) -> list[int]:
    return [event.position for event in events]


def test_an_empty_log_has_a_head_and_no_events(log: Log) -> None:
    page = log.feed.pull(None)
    assert (page.events, page.diverged) == ((), False)
    assert (page.head.position, page.head.hash) == (0, genesis_hash(page.head.epoch))


def test_without_a_place_the_log_is_read_from_its_beginning(log: Log) -> None:
    log.grow(3)
    assert positions(log.feed.pull(None).events) == [1, 2, 3]


@pytest.mark.parametrize("position", [0, 1, 3])
def test_what_comes_after_a_place_is_what_is_answered(log: Log, position: int) -> None:
    log.grow(3)
    page = log.feed.pull(log.place(position))
    assert positions(page.events) == list(range(position + 1, 4))
    assert (page.head, page.diverged) == (log.place(3), False)


def test_pages_hold_five_hundred_events_and_each_names_the_head(log: Log) -> None:
    log.grow(2 * PAGE_EVENTS + 1)
    head, after, sizes = log.place(2 * PAGE_EVENTS + 1), None, []
    while (page := log.feed.pull(after)).events:
        assert page.head == head
        assert page.events[0].position == (after.position if after else 0) + 1
        sizes.append(len(page.events))
        after = page.events[-1].place
    assert (sizes, after) == ([PAGE_EVENTS, PAGE_EVENTS, 1], head)


@pytest.mark.parametrize(
    "elsewhere",
    [
        lambda place: replace(place, epoch="another"),
        lambda place: replace(place, hash="0" * 64),
        lambda place: replace(place, position=1),
        lambda place: replace(place, position=4),
        lambda place: replace(place, position=10_000),
        lambda place: replace(place, position=0),
        lambda place: replace(place, position=-1),
    ],
)
def test_a_place_that_this_log_does_not_know_is_told_so_and_given_nothing(
    log: Log, elsewhere: Callable[[Head], Head]
) -> None:
    log.grow(3)
    page = log.feed.pull(elsewhere(log.place(2)))
    assert (page.diverged, page.events, page.head) == (True, (), log.place(3))


def test_each_event_names_the_row_before_it_across_pages_too(log: Log) -> None:
    log.grow(4)
    pulled = (*log.feed.pull(None).events[:2], *log.feed.pull(log.place(2)).events)
    assert [event.previous for event in pulled] == [log.place(position).hash for position in range(4)]


def test_an_acknowledgement_is_heard_before_the_head_is_read(log: Log) -> None:
    """The order that a revocation's proof rests on: what is committed by the time it is heard, the page must hold."""
    heard: list[Acknowledgement] = []

    def acknowledge(acknowledgement: Acknowledgement, _account: str | None) -> None:
        heard.append(acknowledgement)
        log.grow()

    log.grow(2)
    said = Acknowledgement(gate="gate_1", position=2)
    page = log.feed_with(acknowledge).pull(log.place(2), said)
    assert heard == [said]
    assert (positions(page.events), page.head) == ([3], log.place(3))


def test_a_position_in_another_log_acknowledges_nothing_of_this_one(log: Log) -> None:
    """A gate from before a restore would else be counted as having what it never saw."""
    heard: list[Acknowledgement] = []
    log.grow(2)
    page = log.feed_with(lambda said, _account: heard.append(said)).pull(
        replace(log.place(2), epoch="another"), Acknowledgement(gate="gate_1", position=2)
    )
    assert (page.diverged, heard) == (True, [Acknowledgement(gate="gate_1", position=0)])


def test_whoever_is_no_gate_acknowledges_nothing(log: Log) -> None:
    heard: list[Acknowledgement] = []
    log.feed_with(lambda said, _account: heard.append(said)).pull(None)
    assert heard == []


def test_an_acknowledgement_that_cannot_be_kept_gets_no_answer(log: Log) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log.feed_with(fail).pull(None, Acknowledgement(gate="gate_1", position=0))


@pytest.fixture
def keys(keys_database: Database) -> assembly.Keys:
    return assembly.assemble(keys_database, NoBus(), SystemClock(), lease_seconds=1)


def test_a_gate_s_row_is_committed_when_the_head_is_read(
    keys: assembly.Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Seen from another connection at that very moment: by then a revoker may be counting on it."""
    rows: list[tuple[str, int]] = []
    elsewhere = Database(keys.database.engine.url)
    read = SqlEventStore.head_and_hash

    def look_first(store: SqlEventStore, tx: Connection, *asked: Any) -> tuple[Head, str | None, tuple[Any, ...]]:
        with elsewhere.reading() as other:
            rows.extend((row.id, row.position) for row in other.execute(select(tables.gate)))
        return read(store, tx, *asked)

    monkeypatch.setattr(SqlEventStore, "head_and_hash", look_first)
    keys.feed.pull(None, Acknowledgement(gate="gate_1", position=0))
    assert rows[0] == ("gate_1", 0)
    elsewhere.close()


def test_a_gate_s_row_says_what_its_last_pull_said(keys: assembly.Keys) -> None:
    """Also when it has not moved, has moved on, and stands where it stood, but in another log."""
    log = Log(keys.store, lambda _: keys.feed)
    log.grow(2)

    def said(place: Head) -> int:
        keys.feed.pull(place, Acknowledgement(gate="gate_1", position=place.position))
        with keys.database.reading() as tx:
            return int(tx.execute(select(tables.gate.c.position)).scalar_one())

    first, second = log.place(1), log.place(2)
    assert [said(place) for place in (first, first, second, second)] == [1, 1, 2, 2]
    assert said(replace(second, hash="another")) == 0
    keys.propagation.remove("gate_1")
    assert said(second) == 2


def test_gates_are_told_how_many_they_are_and_other_followers_are_not(keys: assembly.Keys) -> None:
    told = [keys.feed.pull(None, Acknowledgement(gate=f"gate_{number}", position=0)).gates for number in (1, 2, 2)]
    assert told == [1, 2, 2]
    assert keys.feed.pull(None).gates is None
    keys.propagation.remove("gate_1")
    assert keys.feed.pull(None, Acknowledgement(gate="gate_2", position=0)).gates == 1


def test_the_head_is_read_in_a_transaction_begun_after_the_acknowledgement(
    keys: assembly.Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is open while the gate's row is written: a snapshot from before would hide a revocation."""
    order: list[str] = []
    reading, acknowledge = Database.reading, Propagation.acknowledge

    def note_reading(database: Database, *, once: bool = False) -> object:
        order.append("read")
        return reading(database, once=once)

    def note_acknowledging(acknowledgement: Acknowledgement, account: str | None) -> None:
        order.append("acknowledge")
        acknowledge(keys.propagation, acknowledgement, account)
        order.append("acknowledged")

    monkeypatch.setattr(Database, "reading", note_reading)
    feed = LogFeed(keys.database, keys.store, PUBLICATION, note_acknowledging)
    feed.pull(None, Acknowledgement(gate="gate_1", position=0))
    assert order[0] == "acknowledge"
    assert order[order.index("acknowledged") :] == ["acknowledged", "read"]


def test_head_and_events_are_of_one_moment(keys_database: Database) -> None:
    """A row that is committed between the two looks is in neither."""

    class Busy(SqlEventStore):
        def head_and_hash(self, tx: Connection, *asked: Any, **more: Any) -> tuple[Head, str | None, tuple[Any, ...]]:
            found = super().head_and_hash(tx, *asked, **more)
            if not self.has_grown:
                self.has_grown = True
                growing.grow()
            return found

        has_grown = True

    store = Busy(keys_database, tables.metadata)
    growing = Log(store, lambda acknowledge: LogFeed(keys_database, store, PUBLICATION, acknowledge))
    growing.grow(2)
    store.has_grown = False
    page = growing.feed.pull(None)
    assert (page.head.position, positions(page.events)) == (2, [1, 2])


def test_what_is_pulled_is_what_is_pushed_to_the_byte(keys_database: Database) -> None:
    class Bus:
        def __init__(self) -> None:
            self.published: list[CloudEvent] = []

        def publish(self, events: Sequence[CloudEvent]) -> int:
            self.published += events
            return len(events)

    bus, store = Bus(), SqlEventStore(keys_database, tables.metadata)
    log = Log(store, lambda acknowledge: LogFeed(keys_database, store, PUBLICATION, acknowledge))
    log.grow(3)
    Relay(keys_database, tables.metadata, store, PUBLICATION, bus).run()
    assert log.feed.pull(None).events == tuple(bus.published)


def test_a_page_carries_the_database_s_own_time(tmp_path: Path) -> None:
    database = Database.sqlite(tmp_path / "time.db")
    migrated(database, assembly.MIGRATIONS)
    feed = LogFeed(database, SqlEventStore(database, tables.metadata), PUBLICATION)
    clock, millisecond = SystemClock(), timedelta(milliseconds=1)
    before, told, after = clock.now(), feed.pull(None).time, clock.now()
    assert before - millisecond <= told <= after + millisecond
    database.close()
