"""One contract, whatever keeps the log: gapless, in order, chained, and nothing kept that was not committed."""

import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.eventsourcing.event_store import (
    EventStore,
    Head,
    MemoryEventStore,
    StoredEvent,
    VersionConflict,
    genesis_hash,
    row_hash,
)
from shared.eventsourcing.event_types import Encoded
from shared.eventsourcing.sql_event_store import SqlEventStore

RECORDED_AT = "2026-11-23T12:00:00.000000Z"
Store = EventStore[Any]


def append(store: Store, stream: str, version: int, *names: str) -> tuple[StoredEvent, ...]:
    events = [Encoded(type=name, schema_version=1, data=f'{{"is":"{name}"}}') for name in names]
    with store.transaction() as tx:
        return store.append(tx, stream, version, events, '{"actor":"a test"}', RECORDED_AT)


def everything(store: Store) -> tuple[StoredEvent, ...]:
    with store.reading() as tx:
        return store.after(tx, 0, 10_000)


def head(store: Store) -> Head:
    with store.reading() as tx:
        return store.head(tx)


def assert_chained(rows: tuple[StoredEvent, ...], head: Head) -> None:
    assert [row.position for row in rows] == list(range(1, head.position + 1))
    previous = genesis_hash(head.epoch)
    for row in rows:
        assert row.hash == row_hash(previous, row)
        previous = row.hash
    assert previous == head.hash


def test_an_empty_log_stands_at_its_genesis(store: Store) -> None:
    empty = head(store)
    assert (empty.position, empty.hash) == (0, genesis_hash(empty.epoch))
    assert everything(store) == ()


def test_positions_run_through_all_streams_and_versions_through_each(store: Store) -> None:
    append(store, "key_a", 0, "Created", "Described")
    append(store, "key_b", 0, "Created")
    append(store, "key_a", 2, "Revoked")
    assert [(row.position, row.stream, row.version, row.type) for row in everything(store)] == [
        (1, "key_a", 1, "Created"),
        (2, "key_a", 2, "Described"),
        (3, "key_b", 1, "Created"),
        (4, "key_a", 3, "Revoked"),
    ]
    assert_chained(everything(store), head(store))


def test_a_stream_is_read_alone_and_in_order(store: Store) -> None:
    (created,) = append(store, "key_a", 0, "Created")
    append(store, "key_b", 0, "Created")
    (revoked,) = append(store, "key_a", 1, "Revoked")
    with store.reading() as tx:
        assert store.stream(tx, "key_a") == (created, revoked)
        assert store.stream(tx, "key_c") == ()


def test_the_log_is_read_in_pages_past_a_position(store: Store) -> None:
    append(store, "key_a", 0, *"abcde")
    with store.reading() as tx:
        assert [row.type for row in store.after(tx, 1, 2)] == ["b", "c"]
        assert [row.type for row in store.after(tx, 4, 2)] == ["e"]
        assert store.after(tx, 5, 2) == ()


@pytest.mark.parametrize(("expected", "actual"), [(0, 1), (2, 1), (1, 0)])
def test_a_stream_that_moved_on_refuses_the_append_and_keeps_nothing(store: Store, expected: int, actual: int) -> None:
    append(store, "key_a", 0, *["Created"] * actual)
    before = head(store)
    with pytest.raises(VersionConflict) as conflict:
        append(store, "key_a", expected, "Revoked")
    assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == ("key_a", expected, actual)
    assert head(store) == before


def test_a_transaction_that_fails_keeps_nothing_and_leaves_no_gap(store: Store) -> None:
    def fail_after_appending() -> None:
        with store.transaction() as tx:
            store.append(tx, "key_a", 0, [Encoded(type="Lost", schema_version=1, data="{}")], "{}", RECORDED_AT)
            assert store.head(tx).position == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_appending()
    assert everything(store) == ()
    append(store, "key_a", 0, "Created")
    assert_chained(everything(store), head(store))


def test_nobody_sees_an_event_before_its_commit(store: Store) -> None:
    with store.transaction() as tx:
        store.append(tx, "key_a", 0, [Encoded(type="Created", schema_version=1, data="{}")], "{}", RECORDED_AT)
        assert len(store.stream(tx, "key_a")) == 1
        assert everything(store) == ()
        assert head(store).position == 0
    assert len(everything(store)) == 1


def test_a_reader_sees_one_moment_however_long_it_looks(store: Store) -> None:
    append(store, "key_a", 0, "Created")
    with store.reading() as tx:
        before = store.head(tx)
        append(store, "key_a", 1, "Revoked")
        assert (store.head(tx), len(store.after(tx, 0, 10))) == (before, 1)


def test_appending_no_events_changes_nothing(store: Store) -> None:
    before = head(store)
    assert append(store, "key_a", 0) == ()
    assert head(store) == before


def test_a_hash_is_known_at_every_position_and_nowhere_else(store: Store) -> None:
    rows = append(store, "key_a", 0, "Created", "Revoked")
    with store.reading() as tx:
        assert store.hash_at(tx, 0) == genesis_hash(store.head(tx).epoch)
        assert [store.hash_at(tx, row.position) for row in rows] == [row.hash for row in rows]
        assert store.hash_at(tx, 3) is None
        assert store.hash_at(tx, -1) is None


def test_two_logs_with_equal_rows_share_no_hash(new_store: Callable[[], Store]) -> None:
    one, other = new_store(), new_store()
    for store in (one, other):
        append(store, "key_a", 0, "Created", "Revoked")
    assert head(one).epoch != head(other).epoch
    assert {row.hash for row in everything(one)}.isdisjoint(row.hash for row in everything(other))


def test_appenders_in_many_threads_leave_no_gap_and_readers_never_step_over_one(store: Store) -> None:
    """Readers look all the while: whatever they see is a whole beginning of the log."""
    writers, appends = 4, 30
    done = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(appends):
            stream = chance.choice(["key_a", "key_b", "key_c"])
            for _attempt in itertools.count():
                with store.reading() as tx:
                    version = len(store.stream(tx, stream))
                try:
                    append(store, stream, version, *["Counted"] * chance.randint(1, 3))
                except VersionConflict:
                    continue
                break

    def read() -> int:
        seen = 0
        while not done.is_set():
            with store.reading() as tx:
                rows, now = store.after(tx, seen, 10_000), store.head(tx)
            assert [row.position for row in rows] == list(range(seen + 1, now.position + 1))
            seen = now.position
        return seen

    with ThreadPoolExecutor(writers + 2) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        writing = [pool.submit(write, seed) for seed in range(writers)]
        try:
            for future in writing:
                future.result()
        finally:
            done.set()
        for reader in reading:
            assert reader.result() <= head(store).position
    rows = everything(store)
    assert_chained(rows, head(store))
    assert len(rows) >= writers * appends
    for stream in ("key_a", "key_b", "key_c"):
        versions = [row.version for row in rows if row.stream == stream]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("seed", range(20))
def test_the_twin_in_memory_tells_the_same_story_to_the_byte(sql_store: SqlEventStore, seed: int) -> None:
    twin = MemoryEventStore(head(sql_store).epoch)
    chance = random.Random(seed)
    for _ in range(25):
        stream, count = chance.choice("ab"), chance.randint(0, 3)
        with twin.reading() as tx:
            version = len(twin.stream(tx, stream)) + chance.choice([0, 0, 0, 1, -1])
        fails = chance.random() < 0.2
        assert _told(sql_store, stream, version, count, fails) == _told(twin, stream, version, count, fails)
    assert everything(sql_store) == everything(twin)
    assert head(sql_store) == head(twin)


def _told(store: Store, stream: str, version: int, count: int, fails: bool) -> object:
    events = [Encoded(type="Noted", schema_version=1, data='{"note":"säumig"}')] * count
    try:
        with store.transaction() as tx:
            rows = store.append(tx, stream, version, events, "{}", RECORDED_AT)
            if fails:
                raise ZeroDivisionError
    except (VersionConflict, ZeroDivisionError) as error:
        return str(error)
    return rows
