"""Many writers, one commit: gapless, chained, each alone in its failure, and none answered before it is durable."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from services.keys import tables
from shared.eventsourcing.event_store import Appender, EventStore, StoredEvent, VersionConflict
from shared.eventsourcing.event_types import Encoded
from shared.eventsourcing.group_commit import WRITES_MAX, GroupCommit
from shared.eventsourcing.sql_event_store import SqlEventStore
from tests.integration.shared.eventsourcing.test_event_store import RECORDED_AT, assert_chained, everything, head

WAIT_SECONDS = 20
Written = tuple[StoredEvent, ...]
Write = Callable[[Any, Appender], Written]
sql_only = pytest.mark.parametrize("new_store", ["sqlite", "postgresql"], indirect=True)


class Refused(Exception):
    """What a check of a command raises."""


def appends(stream: str, version: int = 0, also: Callable[[Any], object] = lambda tx: None) -> Write:
    """What a command writes: its event, and something that stands or falls with it."""

    def write(tx: Any, log: Appender) -> Written:
        rows = log.append(stream, version, [Encoded(type="Changed", schema_version=1, data="{}")], "{}", RECORDED_AT)
        also(tx)
        return rows

    return write


def refuse(_: Any) -> None:
    raise Refused


class Group:
    """Writes that are all committed by one transaction: they come while another holds the log's lock."""

    def __init__(self, store: EventStore[Any], pool: ThreadPoolExecutor) -> None:
        self.store, self.commits = _Counting(store), GroupCommit(store)
        self.commits._store = self.store
        self._pool = pool

    def commit(self, *writes: tuple[str, Write]) -> list[Future[Written]]:
        with self._held():
            calls = []
            for stream, write in writes:
                calls.append(self._pool.submit(self.commits.commit, [stream], write))
                while len(self.commits._commit_soon._waiting) < len(calls):
                    pass
        for call in calls:
            call.exception(WAIT_SECONDS)
        return calls

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Somebody commits, and takes his time."""
        began, may_end = threading.Event(), threading.Event()

        def hold(_tx: Any, _log: Appender) -> Written:
            began.set()
            assert may_end.wait(WAIT_SECONDS)
            return ()

        holding = self._pool.submit(self.commits.commit, (), hold)
        assert began.wait(WAIT_SECONDS)
        try:
            yield
        finally:
            self.store.transactions = 0
            may_end.set()
        holding.result(WAIT_SECONDS)


class _Counting:
    """The store, and how many transactions were begun on it."""

    def __init__(self, store: EventStore[Any]) -> None:
        self._store, self.transactions = store, 0

    def transaction(self) -> Any:
        self.transactions += 1
        return self._store.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def group(store: EventStore[Any]) -> Iterator[Group]:
    with ThreadPoolExecutor(WRITES_MAX + 1) as pool:
        yield Group(store, pool)


def test_those_who_wait_together_are_committed_together_in_the_order_they_came(
    group: Group, store: EventStore[Any]
) -> None:
    calls = group.commit(*((name, appends(name)) for name in "abcde"))
    rows = [call.result() for call in calls]
    assert [(row.position, row.stream) for (row,) in rows] == list(enumerate("abcde", start=1))
    assert everything(store) == tuple(row for (row,) in rows)
    assert_chained(everything(store), head(store))
    assert group.store.transactions == 1


def test_two_of_one_stream_in_one_commit_follow_on_from_each_other_or_conflict(
    group: Group, store: EventStore[Any]
) -> None:
    first, second, late = group.commit(("a", appends("a")), ("a", appends("a", 1)), ("a", appends("a", 1)))
    assert [row.version for row in (*first.result(), *second.result())] == [1, 2]
    with pytest.raises(VersionConflict):
        late.result()
    assert_chained(everything(store), head(store))


@pytest.mark.parametrize("failing", [{0}, {1}, {4}, {0, 2, 4}, {0, 1, 2, 3, 4}])
def test_one_s_failure_is_nobody_else_s_and_leaves_no_gap(
    group: Group, store: EventStore[Any], failing: set[int]
) -> None:
    writes = [(name, appends(name, also=refuse) if at in failing else appends(name)) for at, name in enumerate("abcde")]
    calls = group.commit(*writes)
    assert [isinstance(call.exception(), Refused) for call in calls] == [at in failing for at in range(5)]
    assert [row.stream for row in everything(store)] == [name for at, name in enumerate("abcde") if at not in failing]
    assert_chained(everything(store), head(store))
    assert group.store.transactions == 2  # one to find that somebody fails, one to find who


def test_a_stream_that_one_failed_on_is_as_before_for_the_next_in_the_same_commit(group: Group) -> None:
    failed, done = group.commit(("a", appends("a", also=refuse)), ("a", appends("a")))
    assert isinstance(failed.exception(), Refused)
    assert [row.version for row in done.result()] == [1]


@sql_only
def test_what_else_one_wrote_goes_with_its_events_and_what_others_wrote_stays(
    group: Group, store: EventStore[Any]
) -> None:
    def keeps(name: str) -> Callable[[Connection], object]:
        return lambda tx: tx.execute(insert(tables.data_key).values(key_id=name, value="a data key"))

    def keeps_then_fails(tx: Connection) -> None:
        keeps("b")(tx)
        refuse(tx)

    calls = group.commit(
        ("a", appends("a", also=keeps("a"))),
        ("b", appends("b", also=keeps_then_fails)),
        ("c", appends("c", also=keeps("a"))),  # taken: a constraint says no
        ("d", appends("d", also=keeps("d"))),
    )
    assert [type(call.exception()) for call in calls] == [type(None), Refused, IntegrityError, type(None)]
    with store.reading() as tx:
        assert set(tx.execute(select(tables.data_key.c.key_id)).scalars()) == {"a", "d"}
    assert [row.stream for row in everything(store)] == ["a", "d"]


@sql_only
def test_a_fault_of_the_database_is_everybody_s_and_keeps_nothing(group: Group, store: EventStore[Any]) -> None:
    """SQLite may have rolled all of it back by then: to go on would be to answer for what is not there."""

    def lose(_: Connection) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    calls = group.commit(("a", appends("a")), ("b", appends("b", also=lose)), ("c", appends("c")))
    assert [type(call.exception()) for call in calls] == [OperationalError] * 3
    assert everything(store) == ()


def test_nobody_is_answered_before_the_commit(group: Group, store: EventStore[Any]) -> None:
    """Whoever has an answer finds his event in the log, as everybody sees it."""
    seen: list[bool] = []

    def commit(stream: str) -> None:
        (row,) = group.commits.commit([stream], appends(stream))
        with store.reading() as tx:
            seen.append(store.stream(tx, stream) == (row,))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(commit, [f"key_{number}" for number in range(100)]))
    assert seen == [True] * 100
    assert_chained(everything(store), head(store))
    assert group.store.transactions < 100  # some did share


def test_if_the_commit_fails_it_has_failed_for_all(group: Group, store: EventStore[Any]) -> None:
    transaction = group.store.transaction

    @contextmanager
    def lost() -> Iterator[Any]:
        with transaction() as tx:
            yield tx
            raise ConnectionError

    with group._held():
        calls = [group._pool.submit(group.commits.commit, [name], appends(name)) for name in "ab"]
        while len(group.commits._commit_soon._waiting) < 2:
            pass
        group.store.transaction = lost  # type: ignore[method-assign]
    assert [type(call.exception(WAIT_SECONDS)) for call in calls] == [ConnectionError] * 2
    assert everything(store) == ()


@sql_only
def test_the_commit_of_a_group_waits_for_the_disk(group: Group, store: EventStore[Any]) -> None:
    levels: list[Any] = []

    def note(tx: Connection) -> None:
        setting = "SHOW synchronous_commit" if tx.dialect.name == "postgresql" else "PRAGMA synchronous"
        levels.append(tx.execute(text(setting)).scalar_one())

    assert isinstance(store, SqlEventStore)
    with store._database.transaction(durable=False) as tx:
        note(tx)  # on the same connection as what comes now
    group.commit(("a", appends("a", also=note)), ("b", appends("b", also=note)))
    assert levels in (["off", "on", "on"], [1, 2, 2])


@sql_only
def test_groups_of_several_writers_make_one_log(store: EventStore[Any]) -> None:
    """As each process has its own; the head's lock orders them."""
    commits = [GroupCommit(store), GroupCommit(store)]

    def work(number: int) -> Written:
        return commits[number % 2].commit([f"key_{number}"], appends(f"key_{number}"))

    with ThreadPoolExecutor(8) as pool:
        rows = [row for (row,) in pool.map(work, range(80))]
    assert sorted(row.position for row in rows) == list(range(1, 81))
    assert_chained(everything(store), head(store))
    with store.reading() as tx:
        assert tx.execute(select(func.count()).select_from(tables.log)).scalar_one() == 80


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys
from pathlib import Path
from services.keys import assembly, tables
from shared.eventsourcing.event_types import Encoded
from shared.eventsourcing.group_commit import GroupCommit
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.database import Database
from shared.sql.migrations import migrate

database = Database.sqlite(Path(sys.argv[1]))
migrate(database, assembly.MIGRATIONS)
store = SqlEventStore(database, tables.metadata)
commits = GroupCommit(store)
groups, writing = [], []
transaction = store.transaction

def counted():
    groups.append(0)
    return transaction()

store.transaction = counted

def commit(number):
    def write(tx, log):
        assert not writing, "another greenlet came between"
        writing.append(number)
        groups[-1] += 1
        event = Encoded(type="Changed", schema_version=1, data="{}")
        rows = log.append(f"key_{number}", 0, [event], "{}", "2026-11-23T12:00:00.000000Z")
        writing.remove(number)
        return rows
    return commits.commit([f"key_{number}"], write)

pool = eventlet.GreenPool(40)
rows = [row for (row,) in pool.imap(commit, range(40))]
assert sorted(row.position for row in rows) == list(range(1, 41)), rows
print(groups)
"""


def test_greenlets_of_one_thread_share_commits_and_none_comes_between(tmp_path: Path) -> None:
    """Embedded, a commit stops everything: had the leader not given way before it, each would be alone in his."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_EVENTLET, str(tmp_path / "keys.db")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [16, 16, 8]


def test_what_is_loaded_under_the_lock_has_what_came_first_in_the_group(group: Group, store: EventStore[Any]) -> None:
    """Nobody said before which streams it would be about."""
    loaded: dict[str, Written] = {}

    def append_to_all(tx: Any, log: Appender) -> Written:
        loaded.update(log.load(("early", "late", "never")))
        event = [Encoded(type="Changed", schema_version=1, data="{}")]
        return tuple(
            row for stream, rows in loaded.items() for row in log.append(stream, len(rows), event, "{}", RECORDED_AT)
        )

    with store.transaction() as tx, store.appending(tx, ("early",)) as log:
        appends("early")(tx, log)
    first, second, third = group.commit(
        ("early", appends("early", 1)), ("late", appends("late")), ("other", append_to_all)
    )
    assert {stream: len(rows) for stream, rows in loaded.items()} == {"early": 2, "late": 1, "never": 0}
    assert [row.position for call in (first, second, third) for row in call.result()] == [2, 3, 4, 5, 6]
    assert [row.version for row in third.result()] == [3, 2, 1]
    assert_chained(everything(store), head(store))
