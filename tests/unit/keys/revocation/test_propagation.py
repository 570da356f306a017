"""What a receipt says: who acknowledged, who was counted out and only when, and what was not waited for."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from services.keys import tables
from services.keys.assembly import MIGRATIONS
from services.keys.revocation.gate_rows import GateRows, Word
from services.keys.revocation.propagation import KNOWN_WAIT_SECONDS, Propagation, Receipt
from services.keys.revocation.restore_detection import MARGIN_SECONDS, RestoreDetection
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.feed import Acknowledgement, GateRefused
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.service_database import migrated

LEASE, GATES_MAX = 10.0, 4


class Scene:
    """Each look that finds somebody missing lets time pass, and what `at` planned happen on its moment."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        migrated(database, MIGRATIONS)
        self.database, self.clock = database, clock
        self.plan: list[tuple[float, Callable[[], None]]] = []
        self.storage = RestoreDetection(database, clock, lease_seconds=LEASE)
        self.propagation = self.new_propagation(clock)
        self.began = clock.elapsed_seconds()

    def new_propagation(self, clock: ManualClock) -> Propagation:
        store = SqlEventStore(self.database, tables.metadata)
        return Propagation(
            self.database, store, self.storage, clock, lease_seconds=LEASE, gates_max=GATES_MAX, sleep=self._sleep
        )

    def acknowledge(self, gate: str, position: int, account: str | None = None) -> None:
        self.propagation.acknowledge(Acknowledgement(gate=gate, position=position), account)

    def invent(self, *numbers: int) -> None:
        """Gates that an account makes up, until and beyond its cap."""
        for number in numbers:
            with contextlib.suppress(GateRefused):
                self.acknowledge(f"invented_{number}", 7, "sensors")

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        self.plan.append((self.began + seconds, do))

    def acknowledges_at(self, seconds: float, gate: str, position: int) -> None:
        self.at(seconds, lambda: self.acknowledge(gate, position))

    def rows(self) -> dict[str, int]:
        with self.database.reading() as tx:
            return {row.id: row.position for row in tx.execute(select(tables.gate))}

    def passed(self) -> float:
        return self.clock.elapsed_seconds() - self.began

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(0.125)
        due = [do for moment, do in self.plan if moment <= self.clock.elapsed_seconds()]
        self.plan = [(moment, do) for moment, do in self.plan if moment > self.clock.elapsed_seconds()]
        for do in due:
            do()


@pytest.fixture
def scene(database: Database, clock: ManualClock) -> Scene:
    return Scene(database, clock)


def acknowledged(receipt: Receipt) -> dict[str, int | None]:
    return {gate.id: gate.applied_ms for gate in receipt.gates}


def test_with_no_gates_a_receipt_is_had_at_once(scene: Scene) -> None:
    receipt = scene.propagation.await_certain(7, scene.began)
    assert receipt == Receipt(position=7, propagated=True, elapsed_ms=0, gates=())


def test_a_receipt_waits_for_every_gate_and_says_how_long_each_took(scene: Scene) -> None:
    scene.acknowledge("gate_early", 7)
    scene.acknowledge("gate_next", 6)
    scene.acknowledge("gate_late", 3)
    scene.acknowledges_at(0.25, "gate_next", 8)
    scene.acknowledges_at(0.5, "gate_late", 6)
    scene.acknowledges_at(1.0, "gate_late", 7)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_early": 0, "gate_next": 250, "gate_late": 1000}
    assert (receipt.propagated, receipt.elapsed_ms) == (True, 1000)


def test_a_silent_gate_is_counted_out_after_lease_and_margin_and_not_before(scene: Scene) -> None:
    scene.acknowledge("gate_alive", 7)
    scene.acknowledge("gate_silent", 6)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_alive": 0, "gate_silent": None}
    assert scene.passed() == LEASE + MARGIN_SECONDS
    assert receipt.propagated
    assert scene.rows() == {"gate_alive": 7}


def test_operators_see_how_long_each_gate_took_and_which_were_counted_out(scene: Scene) -> None:
    before = measured()
    scene.acknowledge("gate_next", 6)
    scene.acknowledge("gate_silent", 6)
    scene.acknowledges_at(0.25, "gate_next", 8)
    scene.propagation.await_certain(7, scene.began)
    assert [now - then for now, then in zip(measured(), before, strict=True)] == [1, 0.25, 1]


def measured() -> list[float]:
    """Gates that were heard of, the seconds that they took together, and gates that were counted out."""
    names = ("gate_applied_seconds_count", "gate_applied_seconds_sum", "gates_counted_out_total")
    return [REGISTRY.get_sample_value(f"grillo_{name}") or 0.0 for name in names]


def test_a_gate_that_acknowledges_at_the_last_moment_is_not_counted_out(scene: Scene) -> None:
    scene.acknowledge("gate_slow", 6)
    scene.acknowledges_at(LEASE + MARGIN_SECONDS - 0.125, "gate_slow", 7)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_slow": 10_375}
    assert scene.rows() == {"gate_slow": 7}


def test_the_wait_runs_from_the_commit_not_from_when_waiting_began(scene: Scene) -> None:
    scene.acknowledge("gate_silent", 6)
    scene.clock.advance(4)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert scene.passed() == LEASE + MARGIN_SECONDS
    assert receipt.elapsed_ms == 10_500


def test_a_gate_that_joins_during_the_wait_is_waited_for(scene: Scene) -> None:
    scene.acknowledge("gate_slow", 6)
    scene.acknowledges_at(1, "gate_joined", 0)
    scene.acknowledges_at(2, "gate_slow", 7)
    scene.acknowledges_at(3, "gate_joined", 7)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_slow": 2000, "gate_joined": 3000}


def test_a_gate_that_joins_after_the_last_look_is_not_counted_out(database: Database, clock: ManualClock) -> None:
    """It cannot have read a head without the change; its row must be there for the next revocation."""

    class JoinsDuringTheLook(ManualClock):
        def elapsed_seconds(self) -> float:
            if looking:
                scene.acknowledge("gate_joined", 0)
            return super().elapsed_seconds()

    scene, looking = Scene(database, clock), False
    propagation = scene.new_propagation(JoinsDuringTheLook(clock.now()))
    scene.acknowledge("gate_there", 7)
    looking = True
    receipt = propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_there": 0}
    assert scene.rows() == {"gate_there": 7, "gate_joined": 0}


def test_a_gate_that_acknowledges_after_the_last_look_keeps_its_row(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This receipt counts it out. It may be fresh again, so the next revocation must wait for it."""
    count_out = GateRows.count_out

    def after_it_acknowledged(rows: GateRows, *silent: Any) -> None:
        scene.acknowledge("gate_late", 7)
        count_out(rows, *silent)

    monkeypatch.setattr(GateRows, "count_out", after_it_acknowledged)
    scene.acknowledge("gate_late", 6)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {"gate_late": None}
    assert scene.rows() == {"gate_late": 7}


def test_a_gate_that_leaves_cleanly_during_the_wait_is_not_waited_for(scene: Scene) -> None:
    scene.acknowledge("gate_leaving", 6)
    scene.at(1, lambda: scene.propagation.remove("gate_leaving"))
    receipt = scene.propagation.await_certain(7, scene.began)
    assert acknowledged(receipt) == {}
    assert scene.passed() == 1


def test_what_gives_power_is_waited_for_one_second_and_no_gate_is_counted_out(scene: Scene) -> None:
    scene.acknowledge("gate_there", 7)
    scene.acknowledge("gate_silent", 6)
    receipt = scene.propagation.await_known(7, scene.began)
    assert (receipt.propagated, acknowledged(receipt)) == (False, {"gate_there": 0})
    assert scene.passed() == KNOWN_WAIT_SECONDS
    assert scene.rows() == {"gate_there": 7, "gate_silent": 6}


def test_what_gives_power_is_known_as_soon_as_all_have_it(scene: Scene) -> None:
    scene.acknowledge("gate_slow", 6)
    scene.acknowledges_at(0.5, "gate_slow", 7)
    receipt = scene.propagation.await_known(7, scene.began)
    assert (receipt.propagated, acknowledged(receipt), receipt.elapsed_ms) == (True, {"gate_slow": 500}, 500)


def test_an_acknowledgement_repeated_or_removed_and_repeated_stands_as_last_said(scene: Scene) -> None:
    for position in (5, 5, 7):
        scene.acknowledge("gate_1", position)
    scene.acknowledge("gate_2", 5)
    assert scene.rows() == {"gate_1": 7, "gate_2": 5}
    scene.propagation.remove("gate_1")
    scene.acknowledge("gate_1", 7)
    assert scene.rows() == {"gate_1": 7, "gate_2": 5}


def test_after_a_restore_a_receipt_waits_for_the_leases_of_gates_it_cannot_know(scene: Scene) -> None:
    scene.acknowledge("gate_1", 5)
    lies_elsewhere(scene.database)
    receipt = scene.propagation.await_certain(5, scene.began)
    assert receipt.propagated
    assert scene.passed() >= LEASE + MARGIN_SECONDS
    # The worker has waited that long as well, and tells every process that the matter is closed.
    scene.storage.settle()
    assert scene.new_propagation(scene.clock).await_certain(5, scene.clock.elapsed_seconds()).elapsed_ms == 0


def test_the_wait_after_a_restore_begins_when_it_is_noticed_and_not_with_each_revocation(scene: Scene) -> None:
    lies_elsewhere(scene.database)
    scene.storage.settle()
    scene.clock.advance(LEASE)
    scene.storage.settle()  # too early by the margin
    assert scene.propagation.await_certain(5, scene.clock.elapsed_seconds()).elapsed_ms > 0
    scene.clock.advance(MARGIN_SECONDS)
    scene.storage.settle()
    assert scene.propagation.await_certain(5, scene.clock.elapsed_seconds()).elapsed_ms == 0


def lies_elsewhere(database: Database) -> None:
    """What a restore leaves: the row that names the storage it was dumped from."""
    with database.transaction() as tx:
        tx.execute(update(tables.storage).values(identity="the storage that was lost"))


def test_a_gate_that_is_counted_out_while_it_acknowledges_has_its_row_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so has one that acknowledges together with it; a gate without a row is one that nobody waits for."""
    scene.acknowledge("gate_1", 6)
    scene.acknowledge("gate_2", 6)
    rows = scene.propagation._rows
    set_positions = rows._set_positions

    def counted_out_before(*moved: Mapping[str, Any]) -> bool:
        rows.remove("gate_1")
        return set_positions(*moved)

    monkeypatch.setattr(rows, "_set_positions", counted_out_before)
    rows._commit([Word(gate=f"gate_{number}", position=7, account=None) for number in (1, 2, 3)])
    assert scene.rows() == {"gate_1": 7, "gate_2": 7, "gate_3": 7}


def test_invented_gates_delay_one_receipt_by_a_lease_and_none_of_the_lines_of_others_is_missing(scene: Scene) -> None:
    scene.acknowledge("gate_auth", 7, "auth")
    scene.acknowledge("gate_sensors", 7, "sensors")
    scene.invent(*range(20))
    scene.acknowledges_at(1, "gate_auth", 7)
    scene.at(1, lambda: scene.acknowledge("gate_sensors", 7, "sensors"))
    receipt = scene.propagation.await_certain(7, scene.began)
    invented = {f"invented_{number}": None for number in range(GATES_MAX - 1)}
    assert acknowledged(receipt) == {"gate_auth": 0, "gate_sensors": 1000} | invented
    assert (receipt.propagated, receipt.elapsed_ms) == (True, 10_500)
    assert scene.rows() == {"gate_auth": 7, "gate_sensors": 7}
    assert scene.propagation.await_certain(7, scene.clock.elapsed_seconds()).elapsed_ms == 0


def test_marks_of_before_the_commit_are_removed_with_its_receipt_however_late_its_first_look_is(scene: Scene) -> None:
    scene.invent(*range(20))
    scene.clock.advance(0.25)
    assert scene.propagation.await_certain(7, scene.began).elapsed_ms == 10_750
    assert scene.rows() == {}


def test_a_gate_that_is_marked_late_in_a_wait_keeps_its_row(scene: Scene) -> None:
    """Its mark hides that it was fresh a moment ago, and may be for a lease from then."""
    scene.acknowledge("gate_silent", 6)
    scene.acknowledge("gate_sensors", 6, "sensors")
    last = LEASE + MARGIN_SECONDS - 0.25

    def acknowledge_and_invent() -> None:
        scene.acknowledge("gate_sensors", 7, "sensors")
        scene.invent(*range(20))

    scene.at(last, acknowledge_and_invent)
    receipt = scene.propagation.await_certain(7, scene.began)
    assert scene.passed() == LEASE + MARGIN_SECONDS
    assert receipt.propagated
    assert set(scene.rows()) == {"gate_sensors", *(f"invented_{number}" for number in range(GATES_MAX - 1))}
