"""One looks at the gates for all who wait; and nobody goes by a look that began before he asked."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, update

from services.keys import tables
from services.keys.assembly import MIGRATIONS
from services.keys.revocation.gate_progress import GateProgress, GateWait
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.service_database import migrated

WAITERS = 8
WAIT_SECONDS = 20


class Watched(Database):
    """Counts what is read, and has a word in each reading once it has begun."""

    looks = 0
    during: Callable[[int], None] = staticmethod(lambda number: None)

    @contextmanager
    def reading(
        self, *, once: bool = False, unlimited: bool = False, seconds_max: float | None = None
    ) -> Iterator[Connection]:
        with super().reading(once=once, unlimited=unlimited, seconds_max=seconds_max) as tx:
            self.looks += 1
            self.during(self.looks)
            yield tx


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Watched]:
    database = Watched(f"sqlite:///{tmp_path / 'keys.db'}")
    migrated(database, MIGRATIONS)
    with database.transaction() as tx:
        tx.execute(insert(tables.gate).values(id="gate_1", position=6))
    database.looks = 0
    yield database
    database.close()


def gate_wait(clock: ManualClock) -> GateWait:
    now = clock.elapsed_seconds()
    return GateWait(position=7, committed_at=now, deadline=now + 10)


def test_many_who_wait_at_once_read_no_more_than_one(database: Watched, clock: ManualClock) -> None:
    sleeps, all_wait = 0, threading.Barrier(WAITERS)

    def sleep(_seconds: float) -> None:
        """The first looker rests until all the others wait, too."""
        nonlocal sleeps
        sleeps += 1
        if sleeps == 1:
            while len(gate_progress._waits) < WAITERS:
                pass
        if sleeps == 5:
            with database.transaction() as tx:
                tx.execute(update(tables.gate).values(position=7))

    gate_progress = GateProgress(database, clock, sleep)

    def wait(_: int) -> GateWait:
        mine = gate_wait(clock)
        all_wait.wait(WAIT_SECONDS)
        gate_progress.wait_until_over(mine)
        return mine

    with ThreadPoolExecutor(WAITERS) as pool:
        waits = list(pool.map(wait, range(WAITERS)))
    assert [(found.applied, found.silent) for found in waits] == [({"gate_1": 0}, ())] * WAITERS
    assert database.looks == 6
    assert gate_progress._waits == []


def test_a_look_that_began_before_he_asked_is_nothing_to_go_by(database: Watched, clock: ManualClock) -> None:
    """It shows no gate, for it is of before one joined; who asks after that must see the gate."""
    gate_progress = GateProgress(database, clock, lambda _: None)
    with database.transaction() as tx:
        tx.execute(delete(tables.gate))
    reading, may_go_on = threading.Event(), threading.Event()

    def hold_the_first(number: int) -> None:
        if number == 1:
            reading.set()
            assert may_go_on.wait(WAIT_SECONDS)

    database.during = hold_the_first
    early, late = gate_wait(clock), gate_wait(clock)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate_progress.wait_until_over, early)
        assert reading.wait(WAIT_SECONDS)
        second = pool.submit(gate_progress.wait_until_over, late)
        while len(gate_progress._waits) < 2:
            pass
        may_go_on.set()
        first.result(WAIT_SECONDS)
        second.result(WAIT_SECONDS)
    assert database.looks == 2
    assert (early.is_over, late.is_over) == (True, True)


def test_who_cannot_look_says_so_and_the_next_looks_for_himself(database: Watched, clock: ManualClock) -> None:
    gate_progress = GateProgress(database, clock, lambda _: None)
    reading, may_go_on = threading.Event(), threading.Event()

    def fail_the_first(number: int) -> None:
        if number == 1:
            reading.set()
            assert may_go_on.wait(WAIT_SECONDS)
            raise ZeroDivisionError

    with database.transaction() as tx:
        tx.execute(update(tables.gate).values(position=7))
    database.during = fail_the_first
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate_progress.wait_until_over, gate_wait(clock))
        assert reading.wait(WAIT_SECONDS)
        second = pool.submit(gate_progress.wait_until_over, gate_wait(clock))
        while len(gate_progress._waits) < 2:
            pass
        may_go_on.set()
        with pytest.raises(ZeroDivisionError):
            first.result(WAIT_SECONDS)
        second.result(WAIT_SECONDS)
    assert gate_progress._waits == []
