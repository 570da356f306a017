"""Rows of gates in SQLite and PostgreSQL: whose they are, how many of one account, and which go at the cap."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.assembly import MIGRATIONS
from services.keys.revocation.gate_rows import ACKNOWLEDGED, GateRows, Word
from shared.observability import metrics
from shared.replication.feed import Acknowledgement, GateRefusal, GateRefused
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.servers import Postgres
from tests.service_database import migrated

SILENCE, GATES_MAX = 10.5, 4


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database.sqlite(tmp_path / "keys.db")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        database = Database(server.new_database())
    migrated(database, MIGRATIONS)
    yield database
    database.close()


class Scene:
    """Several processes of keys, each with a clock of its own, before one database."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, ManualClock(NOON)
        self.rows = self.another_process(self.clock)

    def another_process(self, clock: ManualClock) -> GateRows:
        return GateRows(self.database, clock, silence_seconds=SILENCE, gates_max=GATES_MAX)

    def speak(self, gate: str, position: int, account: str | None, rows: GateRows | None = None) -> GateRefusal | None:
        try:
            (rows or self.rows).acknowledge(Acknowledgement(gate=gate, position=position), account)
        except GateRefused as refused:
            return refused.reason
        return None

    def remove(self, gate: str, account: str | None) -> GateRefusal | None:
        try:
            self.rows.remove(gate, account)
        except GateRefused as refused:
            return refused.reason
        return None

    def table(self) -> dict[str, tuple[int, str | None]]:
        with self.database.reading() as tx:
            return {row.id: (row.position, row.account) for row in tx.execute(select(tables.gate))}

    def said(self, gate: str, account: str | None) -> int | None:
        with self.database.reading() as tx:
            position: int | None = tx.execute(select(ACKNOWLEDGED), {"gate": gate, "whose": account}).scalar_one()
        return position

    def gates(self, account: str) -> set[str]:
        return {gate for gate, (_, owner) in self.table().items() if owner == account}


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def refused(reason: GateRefusal) -> float:
    return float(metrics.gates_refused.labels(reason.value)._value.get())


def test_what_a_gate_said_last_is_told_to_whom_its_row_would_not_be_written_anew_for(scene: Scene) -> None:
    scene.speak("gate_1", 5, "auth")
    scene.speak("gate_2", 6, None)
    assert [scene.said("gate_1", account) for account in ("auth", "sensors", None)] == [5, None, 5]
    assert [scene.said("gate_2", account) for account in ("auth", None)] == [None, 6]
    assert scene.said("gate_3", None) is None


def test_a_gate_is_whose_account_first_spoke_for_it(scene: Scene) -> None:
    before = refused(GateRefusal.FOREIGN)
    assert scene.speak("gate_1", 5, "auth") is None
    assert scene.speak("gate_1", 9, "sensors") is GateRefusal.FOREIGN
    assert scene.speak("gate_1", 5, "sensors") is GateRefusal.FOREIGN
    assert scene.remove("gate_1", "sensors") is GateRefusal.FOREIGN
    assert scene.table() == {"gate_1": (5, "auth")}
    assert refused(GateRefusal.FOREIGN) == before + 3
    assert scene.speak("gate_1", 6, "auth") is None
    assert scene.remove("gate_1", "auth") is None
    assert scene.table() == {}


def test_who_stopped_already_may_stop_again(scene: Scene) -> None:
    assert scene.remove("gate_1", "auth") is None


def test_an_account_that_is_not_known_speaks_for_all_and_takes_nobody_s_gate(scene: Scene) -> None:
    """Over RPC, and with the one token of all services."""
    assert [scene.speak(gate, 5, account) for gate, account in (("gate_1", "auth"), ("gate_2", None))] == [None, None]
    assert [scene.speak(gate, 7, None) for gate in ("gate_1", "gate_2")] == [None, None]
    assert scene.table() == {"gate_1": (7, "auth"), "gate_2": (7, None)}
    assert scene.remove("gate_1", None) is None
    assert scene.table() == {"gate_2": (7, None)}


def test_nobody_s_gate_becomes_whose_account_speaks_for_it_next_and_is_removed_by_no_other(scene: Scene) -> None:
    """As after the upgrade, when no row tells an account."""
    scene.speak("gate_1", 5, None)
    assert scene.remove("gate_1", "auth") is GateRefusal.FOREIGN
    assert scene.speak("gate_1", 5, "auth") is None
    assert scene.table() == {"gate_1": (5, "auth")}
    assert scene.speak("gate_1", 5, "sensors") is GateRefusal.FOREIGN


def test_what_is_said_together_is_judged_one_by_one(scene: Scene) -> None:
    """Whoever says more of another's gate does not speak in its place; the first to name a new one has it."""
    scene.speak("gate_1", 5, "auth")
    said = (("gate_1", 6, "auth"), ("gate_1", 9, "sensors"), ("gate_2", 0, "auth"), ("gate_2", 3, "sensors"))
    words = [Word(gate=gate, position=position, account=account) for gate, position, account in said]
    scene.rows._commit(words)
    foreign = GateRefusal.FOREIGN
    assert [word.refusal for word in words] == [None, foreign, None, foreign]
    assert scene.table() == {"gate_1": (6, "auth"), "gate_2": (0, "auth")}


def fill(scene: Scene, account: str = "sensors", position: int = 7) -> None:
    for number in range(GATES_MAX):
        assert scene.speak(f"{account}_{number}", position, account) is None


def test_beyond_the_cap_a_gate_has_no_row_and_others_rows_are_not_touched(scene: Scene) -> None:
    before = refused(GateRefusal.CAP)
    scene.speak("gate_of_auth", 7, "auth")
    scene.speak("gate_of_nobody", 7, None)
    fill(scene)
    assert [scene.speak(f"beyond_{number}", 7, "sensors") for number in range(3)] == [GateRefusal.CAP] * 3
    assert refused(GateRefusal.CAP) == before + 3
    assert scene.gates("sensors") == {f"sensors_{number}" for number in range(GATES_MAX)}
    others = {gate: row for gate, row in scene.table().items() if row[1] != "sensors"}
    assert others == {"gate_of_auth": (7, "auth"), "gate_of_nobody": (7, None)}
    assert scene.speak("gate_of_auth_2", 7, "auth") is None


def test_at_the_cap_who_lives_stays_and_who_is_silent_for_a_lease_gives_place(scene: Scene) -> None:
    fill(scene)
    assert scene.speak("new", 7, "sensors") is GateRefusal.CAP
    assert {position for position, _ in scene.table().values() if position >= 0} == set()
    assert scene.speak("sensors_1", 7, "sensors") is None  # as its next pull, with nothing new to say
    assert scene.speak("new", 7, "sensors") is GateRefusal.CAP  # here the mark is seen
    scene.clock.advance(SILENCE - 0.5)
    assert scene.speak("new", 7, "sensors") is GateRefusal.CAP
    scene.clock.advance(0.5)
    assert scene.speak("new", 7, "sensors") is None
    assert scene.table() == {"sensors_1": (7, "sensors"), "new": (7, "sensors")}


def test_any_process_ends_what_another_began_by_its_own_clock(scene: Scene) -> None:
    fill(scene)
    assert scene.speak("new", 7, "sensors") is GateRefusal.CAP
    clock = ManualClock(NOON)
    clock.advance(1_000_000)
    other = scene.another_process(clock)
    assert scene.speak("new", 7, "sensors", other) is GateRefusal.CAP
    clock.advance(SILENCE)
    assert scene.speak("new", 7, "sensors", other) is None
    assert scene.gates("sensors") == {"new"}


def test_a_gate_that_is_marked_again_after_it_spoke_is_not_removed_by_the_mark_before(scene: Scene) -> None:
    clock = ManualClock(NOON)
    other = scene.another_process(clock)
    fill(scene)
    scene.speak("new", 7, "sensors")
    scene.speak("new", 7, "sensors")  # the first mark is seen
    scene.clock.advance(SILENCE - 0.5)
    for number in range(GATES_MAX):
        scene.speak(f"sensors_{number}", 7, "sensors")
    scene.speak("new", 7, "sensors", other)  # marks them anew
    scene.clock.advance(0.5)
    assert scene.speak("new", 7, "sensors") is GateRefusal.CAP
    assert len(scene.gates("sensors")) == GATES_MAX


def test_gates_that_come_together_do_not_pass_the_cap(scene: Scene) -> None:
    processes = [scene.another_process(ManualClock(NOON)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(
            pool.map(
                lambda number: scene.speak(f"gate_{number}", 0, "sensors", processes[number % 4]), range(6 * GATES_MAX)
            )
        )
    assert outcomes.count(None) == len(scene.gates("sensors")) == GATES_MAX


def test_a_gate_whose_place_was_taken_meanwhile_is_refused_all_that_it_says(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull that is answered without a row renews a lease of which no receipt knows."""
    fill(scene)
    set_positions = scene.rows._set_positions

    def place_taken_before(*moved: Any) -> bool:
        scene.remove("sensors_0", "sensors")
        scene.speak("another", 7, "sensors", scene.another_process(scene.clock))
        return set_positions(*moved)

    monkeypatch.setattr(scene.rows, "_set_positions", place_taken_before)
    words = [Word(gate="sensors_0", position=position, account="sensors") for position in (8, 9)]
    scene.rows._commit(words)
    assert [word.refusal for word in words] == [GateRefusal.CAP] * 2
    assert "sensors_0" not in scene.table()
