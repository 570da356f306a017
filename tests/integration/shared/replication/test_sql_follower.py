"""Each event has its effect exactly once, in the transaction that moves the place; what fails holds up nobody else."""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, event, insert, select
from sqlalchemy.exc import OperationalError

from shared.contracts.envelope import CloudEvent
from shared.observability import metrics
from shared.replication.feed import FeedUnavailable
from shared.replication.parked_events import ATTEMPTS_MAX
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.sql_follower import HandlePage, SqlFollower, follower_tables
from shared.runtime.clock import ManualClock
from shared.runtime.room import ORDINARY_BYTES, Room
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import examples
from tests.examples import NOON

metadata = MetaData()
checkpoint_table, parked_table = follower_tables(metadata)
# No key at all: an effect that happens twice shows as two rows.
effect = Table("effect", metadata, Column("stream", String), Column("position", Integer))


def envelope(position: int, stream: str, epoch: str = "e") -> CloudEvent:
    return CloudEvent(
        id=f"{epoch}-{position}",
        source="/grillo/keys",
        type="KeyNoted",
        time=examples.NOON,
        subject=stream,
        epoch=epoch,
        position=position,
        hash=f"{position:064}",
        data={},
    )


class Service:
    """A service that writes down each event it handles, and fails on the streams in `broken`, halfway through."""

    def __init__(self, database: Database, clock: ManualClock, name: str = "noted") -> None:
        self.database, self.clock = database, clock
        self.broken: set[str] = set()
        self.tried: list[int] = []
        self.name = name
        self.follower = self.instance()

    def instance(self, handle_all: HandlePage | None = None) -> SqlFollower:
        """One more process of the same service."""
        return SqlFollower(
            self.name, self.database, metadata, self._handle, self._reset, self.clock, handle_all=handle_all
        )

    def apply(self, *streams: str, start: int = 1) -> None:
        """Events one after another, each of the stream named."""
        self.follower.apply([envelope(position, stream) for position, stream in enumerate(streams, start)])

    def effects(self) -> list[int]:
        with self.database.reading() as tx:
            return list(tx.execute(select(effect.c.position)).scalars())

    def parked(self) -> list[tuple[int, int]]:
        """(position, attempts) of each."""
        return [(parked.position, parked.attempts) for parked in self.follower.parked()]

    def place(self) -> int:
        place = self.follower.checkpoint()
        return place.position if place else 0

    def _handle(self, tx: Connection, event: CloudEvent) -> None:
        self.tried.append(event.position)
        tx.execute(insert(effect).values(stream=event.subject, position=event.position))
        if event.subject in self.broken:
            raise ZeroDivisionError("grl_secret words that an error text may quote")

    @staticmethod
    def _reset(tx: Connection) -> None:
        tx.execute(delete(effect))


@pytest.fixture
def service(database: Database, clock: ManualClock) -> Service:
    metadata.create_all(database.engine)
    return Service(database, clock)


def test_effect_and_place_go_together(service: Service) -> None:
    service.apply("a", "b", "a")
    assert service.effects() == [1, 2, 3]
    assert service.follower.checkpoint() == envelope(3, "a").place


def test_a_commit_that_fails_leaves_place_and_effect_where_they_were(service: Service) -> None:
    service.apply("a")

    def fail(connection: Connection) -> None:
        raise OSError("the disk is gone")

    event.listen(service.database.engine, "commit", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        service.apply("b", start=2)
    event.remove(service.database.engine, "commit", fail)
    assert (service.place(), service.effects()) == (1, [1])
    service.apply("b", start=2)
    assert (service.place(), service.effects()) == (2, [1, 2])


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_process_that_is_stopped_while_it_applies_has_applied_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    def stop(*_: object) -> None:
        raise fault

    monkeypatch.setattr(service.follower, "_move", stop)
    with pytest.raises(fault):
        service.apply("a", "b")
    assert (service.place(), service.effects()) == (0, [])


def test_in_the_room_kept_for_ending_keys_heads_are_kept_and_what_is_due_is_tried_again(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.sqlite(tmp_path / "followed.db", Room(tmp_path))
    metadata.create_all(database.engine)
    service = Service(database, clock)
    service.broken.add("a")
    service.apply("a")
    assert service.parked()
    service.broken.clear()
    monkeypatch.setattr(Room, "has", lambda _room, floor_bytes: floor_bytes < ORDINARY_BYTES)
    head = SignedHead(epoch="e", position=1, hash=f"{1:064}", signed_at=rfc3339(NOON), signer="s", signature="x")
    service.follower.keep(head)
    assert service.follower.held().head == head
    service.follower.retry_due()
    assert (service.effects(), service.parked()) == ([1], [])
    database.close()


def test_a_full_disk_is_no_fault_of_the_event_and_takes_none_of_those_before_it(
    service: Service, database: Database
) -> None:
    """SQLite answers it by rolling back everything: going on would move the place over events without effect."""
    heavy = SqlFollower("noted", database, metadata, _write_much_on_the_second, Service._reset, service.clock)
    with _disk_full_at_pages(database, 40), pytest.raises(OperationalError):
        heavy.apply([envelope(1, "a"), envelope(2, "b"), envelope(3, "c")])
    assert (service.place(), service.effects(), service.parked()) == (0, [], [])
    heavy.apply([envelope(1, "a"), envelope(2, "b"), envelope(3, "c")])
    assert (service.place(), service.effects()) == (3, [1, 2, 3])


def test_a_failing_handler_parks_its_stream_only_and_leaves_nothing_half_done(service: Service) -> None:
    service.broken = {"b"}
    service.apply("a", "b", "c", "b", "a")
    assert service.effects() == [1, 3, 5]
    assert service.parked() == [(2, 1), (4, 0)]
    assert service.place() == 5


def test_what_is_parked_tells_the_error_s_kind_and_quotes_nothing(service: Service) -> None:
    service.broken = {"b"}
    service.apply("b", "b")
    first, second = service.follower.parked()
    assert (first.type, first.stream, first.error) == ("KeyNoted", "b", "ZeroDivisionError")
    assert (second.error, second.retry_at) == ("waits behind an earlier event of its stream", None)


def test_later_events_of_a_parked_stream_wait_behind_it_and_follow_in_order(service: Service) -> None:
    service.broken = {"b"}
    service.apply("b")
    service.broken.clear()
    service.apply("b", "a", "b", start=2)
    assert service.effects() == [3]
    assert service.follower.replay("b")
    assert service.effects() == [3, 1, 2, 4]
    service.apply("b", start=5)
    assert service.effects() == [3, 1, 2, 4, 5]


def test_a_replay_goes_as_far_as_it_can_and_the_rest_goes_on_waiting(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.broken = {"b"}
    service.apply("b", "b", "b")

    def all_but_the_third(tx: Connection, event: CloudEvent) -> None:
        service.broken = {"b"} if event.position == 3 else set()
        service._handle(tx, event)

    monkeypatch.setattr(service.follower, "_handle", all_but_the_third)
    assert not service.follower.replay("b")
    assert service.effects() == [1, 2]
    assert service.parked() == [(3, 1)]
    assert service.follower.parked()[0].retry_at is not None


def test_an_event_that_was_parked_while_the_clock_was_ahead_is_tried_again_once_it_is_right(service: Service) -> None:
    """It may be a key's revocation: it must not wait for as many days as the clock was ahead."""
    service.broken = {"b"}
    service.clock.set_by(timedelta(days=3))
    service.apply("b")
    service.clock.set_by(-timedelta(days=3))
    service.broken.clear()
    service.follower.retry_due()
    assert (service.effects(), service.parked()) == ([1], [])


def test_a_parked_event_is_tried_again_with_growing_delay_and_then_left_to_a_person(service: Service) -> None:
    service.follower.retry_due()
    service.broken = {"b"}
    service.apply("b", "b")
    for seconds in (1, 2, 4, 8, 16, 32, 64):
        service.tried.clear()
        service.clock.advance(seconds - 0.001)
        service.follower.retry_due()
        assert service.tried == []
        service.clock.advance(0.001)
        service.follower.retry_due()
        assert service.tried == [1]
    assert service.parked() == [(1, ATTEMPTS_MAX), (2, 0)]
    service.tried.clear()
    service.clock.advance(1_000_000)
    service.follower.retry_due()
    assert service.tried == []
    assert not service.follower.replay("b")
    assert service.parked() == [(1, ATTEMPTS_MAX + 1), (2, 0)]
    service.broken.clear()
    assert service.follower.replay("b")
    assert (service.effects(), service.parked()) == ([1, 2], [])


def test_what_comes_right_by_itself_is_applied_when_its_time_comes_with_all_that_waits(service: Service) -> None:
    service.broken = {"b", "c"}
    service.apply("b", "c", "b", "c", "a")
    service.broken = {"c"}
    service.clock.advance(1)
    service.follower.retry_due()
    assert service.effects() == [5, 1, 3]
    assert service.parked() == [(2, 2), (4, 0)]


def test_a_new_process_tries_again_what_was_left_to_a_person_for_it_may_know_better(service: Service) -> None:
    service.broken = {"b"}
    service.apply("b", "b")
    service.broken.clear()
    service.instance().retry_due()
    assert (service.effects(), service.parked()) == ([1, 2], [])


def test_a_page_is_applied_at_once_and_event_by_event_where_one_of_them_fails(service: Service) -> None:
    pages: list[int] = []

    def handle_all(tx: Connection, events: Sequence[CloudEvent]) -> None:
        pages.append(len(events))
        tx.execute(insert(effect), [{"stream": event.subject, "position": event.position} for event in events])
        if not service.broken.isdisjoint(event.subject for event in events):
            raise ZeroDivisionError

    service.follower = service.instance(handle_all)
    service.apply("a", "b", "c")
    service.broken = {"b"}
    service.apply("a", "b", "c", start=4)
    service.apply("a", "b", start=7)
    assert service.effects() == [1, 2, 3, 4, 6, 7]
    assert service.parked() == [(5, 1), (8, 0)]
    assert (pages, service.tried, service.place()) == ([3, 3], [4, 5, 6, 7], 8)


def test_replaying_a_stream_without_parked_events_is_quiet(service: Service) -> None:
    assert service.follower.replay("a")
    assert service.tried == []


def test_the_metric_counts_what_is_parked(service: Service) -> None:
    def gauge() -> float | None:
        return REGISTRY.get_sample_value("grillo_parked_events", {"follower": "noted"})

    service.broken = {"b"}
    service.apply("a", "b", "b")
    assert gauge() == 2
    metrics.parked_events.clear()
    service.instance().retry_due()
    assert gauge() == 2, "a new process counts what the one before it parked"
    service.broken.clear()
    service.follower.replay("b")
    assert gauge() == 0


def test_starting_anew_forgets_state_place_and_what_was_parked(service: Service) -> None:
    service.broken = {"b"}
    service.apply("a", "b")
    service.follower.restart()
    assert (service.effects(), service.parked(), service.place()) == ([], [], 0)
    assert REGISTRY.get_sample_value("grillo_parked_events", {"follower": "noted"}) == 0
    service.broken.clear()
    service.apply("a", "b")
    assert service.effects() == [1, 2]


def test_two_followers_in_one_database_know_nothing_of_each_other(service: Service, database: Database) -> None:
    other = Service(database, service.clock, name="other")
    service.broken = {"b"}
    service.apply("a", "b")
    assert (other.place(), other.parked()) == (0, [])
    other.apply("a", "b", "b")
    assert (service.place(), service.parked()) == (2, [(2, 1)])
    assert (other.place(), other.parked()) == (3, [])


def test_events_that_another_instance_has_applied_meanwhile_are_left_out(service: Service) -> None:
    """Both looked at the place before either applied; the slower one must neither repeat nor step back."""
    service.apply("a", "b", "c", "a")
    service.instance().apply([envelope(2, "b"), envelope(3, "c")])
    assert (service.effects(), service.place()) == ([1, 2, 3, 4], 4)
    service.instance().apply([envelope(4, "a"), envelope(5, "b")])
    assert (service.effects(), service.place()) == ([1, 2, 3, 4, 5], 5)


@pytest.mark.parametrize(
    "stale",
    [envelope(6, "a"), envelope(5, "a", epoch="another"), replace(envelope(5, "a"), previous="of another history")],
)
def test_events_that_no_longer_follow_on_the_place_are_left_to_the_next_pull(
    service: Service, stale: CloudEvent
) -> None:
    """Another instance has started anew, or found the log restored, since this one looked."""
    service.apply("a", "b", "c", "a")
    with pytest.raises(FeedUnavailable):
        service.follower.apply([stale])
    assert (service.effects(), service.place()) == ([1, 2, 3, 4], 4)


def test_many_instances_at_once_have_each_effect_once_and_in_order(service: Service) -> None:
    instances = [service.instance() for _ in range(4)]
    streams = [f"s{number % 7}" for number in range(60)]
    events = [envelope(position, stream) for position, stream in enumerate(streams, start=1)]

    def follow(instance: SqlFollower) -> None:
        while (place := instance.checkpoint()) is None or place.position < len(events):
            position = place.position if place else 0
            instance.apply(events[position : position + 3])

    with ThreadPoolExecutor(len(instances)) as pool:
        list(pool.map(follow, instances))
    assert service.effects() == list(range(1, len(events) + 1))


def test_an_envelope_survives_being_parked_as_it_was(service: Service) -> None:
    """What is replayed is what was heard: also fields that only a newer release knows the meaning of."""
    seen: list[CloudEvent] = []
    heard = replace(envelope(1, "b"), data={"note": "säumig…", "nested": {"list": [1, None, 0.5]}}, previous="0" * 64)

    def fail_once(tx: Connection, event: CloudEvent) -> None:
        seen.append(event)
        if len(seen) == 1:
            raise ZeroDivisionError

    follower = SqlFollower("noted", service.database, metadata, fail_once, Service._reset, service.clock)
    follower.apply([heard])
    assert follower.replay("b")
    assert seen == [heard, heard]


def _write_much_on_the_second(tx: Connection, event: CloudEvent) -> None:
    if event.position == 2:
        tx.execute(insert(effect).values(stream="x" * 1_000_000, position=-1))
        tx.execute(delete(effect).where(effect.c.position == -1))
    tx.execute(insert(effect).values(stream=event.subject, position=event.position))


class _disk_full_at_pages:
    def __init__(self, database: Database, pages: int) -> None:
        self._engine, self._pages = database.engine, pages

    def __enter__(self) -> None:
        event.listen(self._engine, "checkout", self._limit)

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "checkout", self._limit)
        self._engine.dispose()

    def _limit(self, connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._pages}")
