"""Revocation receipts: which gates have applied a change, and the proof that no other gate acts on the state before it.

Every gate has a row that says how far it has applied the log. A revocation waits until every row has passed it; a
gate that stays silent is counted out only once its lease must have run out, by this process's own steady clock,
started after the commit. A gate can renew its lease only by a pull, a pull commits the gate's row before it reads
the head, and a head read after the commit contains the revocation: so no gate can be both silent and fresh.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from services.keys import tables
from services.keys.revocation.gate_progress import GateProgress, GateWait
from services.keys.revocation.restore_detection import MARGIN_SECONDS, RestoreDetection
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.observability import metrics
from shared.replication.feed import Acknowledgement
from shared.runtime.clock import Clock
from shared.runtime.flat_combining import Combiner
from shared.sql.database import Database, upsert

KNOWN_WAIT_SECONDS = 1.0
# More than the internal listener's threads can bring at once.
ACKNOWLEDGEMENTS_MAX = 50
_POSITIONS_OF = select(tables.gate).where(tables.gate.c.id.in_(bindparam("gates", expanding=True)))
_SET_POSITION = update(tables.gate).where(tables.gate.c.id == bindparam("of")).values(position=bindparam("to"))
# The number of gates: those that run, and those killed since the last revocation.
GATES = select(func.count()).select_from(tables.gate).scalar_subquery()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReceipt:
    """`applied_ms`: milliseconds from commit until this gate's acknowledgement was seen; None: counted out."""

    id: str
    applied_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`propagated`: no gate anywhere still acts on the state before `position`."""

    position: int
    propagated: bool
    elapsed_ms: int
    gates: tuple[GateReceipt, ...]


class Propagation:
    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        restore_detection: RestoreDetection,
        clock: Clock,
        *,
        lease_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._restore_detection, self._lease_seconds = restore_detection, lease_seconds
        self._gate_progress = GateProgress(database, clock, sleep)
        self._commit_together = Combiner(self._commit, most=ACKNOWLEDGEMENTS_MAX, gives_way=False)

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Commits the gate's row. Called by the feed, before it reads the head.

        A push makes all gates acknowledge at the same time; those that do so here share a commit.
        """
        self._commit_together(acknowledgement)

    def _commit(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        # The furthest of each gate: another is a late repetition, which must not set it back.
        acknowledged = {each.gate: each.position for each in sorted(acknowledgements, key=lambda each: each.position)}
        known = self._positions(acknowledged)
        moved = {gate: position for gate, position in acknowledged.items() if known.get(gate, position) != position}
        if moved and not self._set_positions(moved):
            known = self._positions(acknowledged)
        if missing := sorted(acknowledged.keys() - known.keys()):
            with self._database.transaction() as tx:
                # Another process may insert the same gate's row: the gate retries a call that it believes lost.
                new = [{"id": gate, "position": acknowledged[gate]} for gate in missing]
                rows = upsert(tx, tables.gate).values(new)
                tx.execute(rows.on_conflict_do_update(index_elements=["id"], set_={"position": rows.excluded.position}))

    def _positions(self, gates: Iterable[str]) -> dict[str, int]:
        with self._database.reading(once=True) as tx:
            return {gate.id: gate.position for gate in tx.execute(_POSITIONS_OF, {"gates": tuple(gates)})}

    def _set_positions(self, positions: Mapping[str, int]) -> bool:
        """False when some rows were gone. Not durable: a crash may set a position back; then a receipt waits longer.

        Rows themselves are inserted durably, for nobody waits for a gate that has none.
        """
        # In one order everywhere, against deadlocks.
        values = [{"of": gate, "to": position} for gate, position in sorted(positions.items())]
        with self._database.transaction(durable=False) as tx:
            return tx.execute(_SET_POSITION, values).rowcount == len(values)

    def remove(self, gate_id: str) -> None:
        """Deletes the row of a gate that stops cleanly."""
        with self._database.transaction() as tx:
            tx.execute(delete(tables.gate).where(tables.gate.c.id == gate_id))

    def head_position(self) -> int:
        with self._database.reading(once=True) as tx:
            return self._store.head(tx).position

    def await_certain(self, position: int, committed_at: float) -> Receipt:
        """For a command that takes power away: returns only when no gate can still act on the earlier state.

        `committed_at`: elapsed seconds, read after the commit. Waits the lease and a margin at most; after a restore
        always that long, for there may be gates that the restored log knows nothing of.
        """
        wait = GateWait(
            position=position,
            committed_at=committed_at,
            deadline=committed_at + self._lease_seconds + MARGIN_SECONDS,
            not_before=self._restore_detection.all_gates_known_from(),
        )
        self._gate_progress.wait_until_over(wait)
        if wait.silent:
            self._count_out(wait)
        receipt = self._receipt(wait, wait.silent, propagated=True)
        metrics.receipt_seconds.observe(receipt.elapsed_ms / 1000)
        return receipt

    def await_known(self, position: int, committed_at: float) -> Receipt:
        """For a command that gives power: waits a second at most, so that a new secret usually works on every gate."""
        deadline = committed_at + KNOWN_WAIT_SECONDS
        wait = GateWait(position=position, committed_at=committed_at, deadline=deadline)
        self._gate_progress.wait_until_over(wait)
        return self._receipt(wait, (), propagated=not wait.silent)

    def _count_out(self, wait: GateWait) -> None:
        gate = tables.gate
        with self._database.transaction() as tx:
            for gate_id in sorted(wait.silent):
                tx.execute(delete(gate).where(gate.c.id == gate_id, gate.c.position < wait.position))

    def _receipt(self, wait: GateWait, counted_out: tuple[str, ...], *, propagated: bool) -> Receipt:
        gates = [GateReceipt(id=gate_id, applied_ms=ms) for gate_id, ms in wait.applied.items()]
        gates += [GateReceipt(id=gate_id, applied_ms=None) for gate_id in counted_out]
        elapsed_ms = round((self._clock.elapsed_seconds() - wait.committed_at) * 1000)
        return Receipt(position=wait.position, propagated=propagated, elapsed_ms=elapsed_ms, gates=tuple(gates))
