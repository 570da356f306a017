"""One command: the right events, a refusal, or nothing; and with the events all that stands or falls with them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select

from services.keys import events, tables
from services.keys.events import KeyEvent
from services.keys.lifecycle import key
from services.keys.lifecycle.commands import CreateKey, RevokeKey
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Key, NoSuchKey, Reason
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository, TooMuchContention
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import examples
from tests.examples import KEY_ID, ORIGIN

REVOKE = RevokeKey(reason=Reason.SUPERSEDED, note=None)


class Keys:
    """Keys over a store, with what was projected and how often the relay's bell rang."""

    def __init__(self, database: Database, store: SqlEventStore, clock: ManualClock) -> None:
        self.database, self.store, self.clock = database, store, clock
        self.projected: list[tuple[int, KeyEvent]] = []
        self.rung_at: list[int] = []
        self.repository: Repository[Key | None, KeyEvent, Connection] = Repository(
            store,
            events.types,
            initial=None,
            evolve=key.evolve,
            project=self._project,
            after_commit=self._ring,
            clock=clock,
        )

    def create(self, also: Callable[[Connection], None] = lambda tx: None) -> None:
        self.repository.execute(KEY_ID, self.decide(examples.create_key()), ORIGIN, also=also)

    def decide(self, command: CreateKey | RevokeKey) -> Callable[[Key | None], Sequence[KeyEvent]]:
        return lambda state: decide(state, command, self.clock.now())

    def types(self) -> list[str]:
        with self.store.reading() as tx:
            return [row.type for row in self.store.after(tx, 0, 100)]

    def kept(self) -> int:
        with self.database.reading() as tx:
            return tx.execute(select(func.count()).select_from(tables.data_key)).scalar_one()

    def _project(self, tx: Connection, row: StoredEvent, event: KeyEvent) -> None:
        self.projected.append((row.position, event))

    def _ring(self) -> None:
        with self.store.reading() as tx:
            self.rung_at.append(self.store.head(tx).position)


class Overtaken(SqlEventStore):
    """Between load and append, `rival` comes first, as often as `times` says."""

    rival: Callable[[], object]
    times = 0

    def transaction(self) -> AbstractContextManager[Connection]:
        if self.times:
            self.times -= 1
            self.rival()
        return super().transaction()


@pytest.fixture
def keys(keys_database: Database, sql_store: SqlEventStore, clock: ManualClock) -> Keys:
    return Keys(keys_database, sql_store, clock)


@pytest.fixture
def overtaken(keys_database: Database, clock: ManualClock) -> Keys:
    return Keys(keys_database, Overtaken(keys_database, tables.metadata), clock)


def keep(tx: Connection) -> None:
    tx.execute(insert(tables.data_key).values(key_id=KEY_ID, value="a data key"))


def fail(*_: object) -> None:
    raise ZeroDivisionError


def test_a_command_stores_what_was_decided_with_who_asked_and_when(keys: Keys) -> None:
    keys.create()
    executed = keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN)
    (row,) = executed.rows
    assert (row.position, row.stream, row.version, row.type) == (2, KEY_ID, 2, "KeyRevoked")
    assert msgspec.json.decode(row.metadata, type=Origin) == ORIGIN
    assert row.recorded_at == rfc3339(keys.clock.now())
    assert executed.version == 2
    assert (executed.state, 2) == keys.repository.load(KEY_ID)


def test_a_stream_that_was_never_written_is_in_its_initial_state(keys: Keys) -> None:
    assert keys.repository.load(KEY_ID) == (None, 0)


def test_every_event_is_projected_with_its_row(keys: Keys) -> None:
    keys.create()
    keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN)
    assert [(position, type(event).__name__) for position, event in keys.projected] == [
        (1, "KeyCreated"),
        (2, "KeyRevoked"),
    ]


def test_when_there_is_nothing_to_do_no_event_is_written_projected_or_rung(keys: Keys) -> None:
    keys.create()
    keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN)
    executed = keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN, also=keep)
    assert (executed.rows, executed.version, keys.kept()) == ((), 2, 1)
    assert (len(keys.projected), keys.rung_at) == (2, [1, 2])


def test_a_refusal_reaches_the_caller_and_leaves_nothing(keys: Keys) -> None:
    with pytest.raises(NoSuchKey):
        keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN, also=keep)
    assert (keys.types(), keys.kept(), keys.rung_at) == ([], 0, [])


def test_what_else_is_written_stands_with_the_events(keys: Keys) -> None:
    keys.create(also=keep)
    assert (keys.types(), keys.kept()) == (["KeyCreated"], 1)


def test_the_events_fall_with_what_else_could_not_be_written(keys: Keys) -> None:
    with pytest.raises(ZeroDivisionError):
        keys.create(also=fail)
    assert (keys.types(), keys.rung_at) == ([], [])


def test_what_else_was_written_falls_with_the_events(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys.repository, "_project", fail)
    with pytest.raises(ZeroDivisionError):
        keys.create(also=keep)
    assert (keys.types(), keys.kept(), keys.rung_at) == ([], 0, [])


def test_the_bell_rings_only_when_everybody_can_see_the_events(keys: Keys) -> None:
    keys.create()
    keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN)
    assert keys.rung_at == [1, 2]


def test_overtaken_by_another_writer_it_decides_again_on_what_is_now(keys: Keys, overtaken: Keys) -> None:
    """Two revocations at once: one event, and the slower one finds nothing left to do."""
    keys.create()
    assert isinstance(overtaken.store, Overtaken)
    overtaken.store.times = 1
    overtaken.store.rival = lambda: keys.repository.execute(KEY_ID, keys.decide(REVOKE), ORIGIN)
    executed = overtaken.repository.execute(KEY_ID, overtaken.decide(REVOKE), ORIGIN)
    assert (executed.rows, executed.version) == ((), 2)
    assert keys.types() == ["KeyCreated", "KeyRevoked"]
    assert (overtaken.projected, overtaken.rung_at) == ([], [])


def test_overtaken_what_else_it_wrote_is_kept_once(keys: Keys, overtaken: Keys) -> None:
    keys.create()
    assert isinstance(overtaken.store, Overtaken)
    overtaken.store.times = 3
    overtaken.store.rival = lambda: keys.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN)
    overtaken.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN, also=keep)
    assert (len(keys.types()), keys.kept(), len(overtaken.rung_at)) == (5, 1, 1)


def test_a_fence_is_asked_first_at_each_attempt_and_what_it_refuses_leaves_nothing(keys: Keys, overtaken: Keys) -> None:
    keys.create()
    assert isinstance(overtaken.store, Overtaken)
    overtaken.store.times = 2
    overtaken.store.rival = lambda: keys.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN)
    asked: list[int] = []

    def fence(tx: Connection) -> None:
        """Refuses the third time. Nothing of the command is there yet."""
        asked.append(tx.execute(select(func.count()).select_from(tables.data_key)).scalar_one())
        if len(asked) == 3:
            fail()

    with pytest.raises(ZeroDivisionError):
        overtaken.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN, fence=fence, also=keep)
    assert (asked, keys.types(), keys.kept()) == ([0, 0, 0], ["KeyCreated", "KeyRevoked", "KeyRevoked"], 0)


def test_a_fence_is_not_asked_when_there_is_nothing_to_do(keys: Keys) -> None:
    keys.repository.execute(KEY_ID, lambda state: (), ORIGIN, fence=fail)


def test_overtaken_for_ever_it_gives_up_and_names_the_stream(keys: Keys, overtaken: Keys) -> None:
    keys.create()
    assert isinstance(overtaken.store, Overtaken)
    overtaken.store.times = 1000
    overtaken.store.rival = lambda: keys.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN)
    with pytest.raises(TooMuchContention, match=KEY_ID):
        overtaken.repository.execute(KEY_ID, lambda state: [examples.key_revoked()], ORIGIN, also=keep)
    assert (keys.kept(), overtaken.rung_at) == (0, [])


def test_many_writers_of_one_stream_lose_no_update(keys: Keys) -> None:
    """Each decides on the number of keys kept so far, so a lost update would show as a number twice."""
    keys.create()

    def count(state: Key | None) -> Sequence[KeyEvent]:
        _, version = keys.repository.load(KEY_ID)
        return [examples.key_revoked(reason=str(version))]

    def work(_: int) -> None:
        for _attempt in range(100):
            try:
                keys.repository.execute(KEY_ID, count, ORIGIN)
            except TooMuchContention:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
    with keys.store.reading() as tx:
        rows = keys.store.stream(tx, KEY_ID)
    assert [row.version for row in rows] == list(range(1, 42))


class Dead(Exception):
    """What a fence raises of a caller that lost its power."""


@pytest.mark.parametrize("how", ["execute", "execute_all", "execute_locked"])
def test_the_fence_is_asked_before_a_command_is_refused(keys: Keys, how: str) -> None:
    def fence(tx: Connection) -> None:
        assert keys.store.head(tx).position == 0
        raise Dead

    streams: Any = {"execute": KEY_ID, "execute_all": [KEY_ID], "execute_locked": lambda tx: [KEY_ID]}[how]
    run = getattr(keys.repository, how)
    with pytest.raises(NoSuchKey):
        run(streams, keys.decide(REVOKE), ORIGIN)
    with pytest.raises(Dead):
        run(streams, keys.decide(REVOKE), ORIGIN, fence=fence)
