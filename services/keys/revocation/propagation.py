"""Revocation receipts: which gates have applied a change, and the proof that no other gate acts on the state before it.

Every gate has a row that says how far it has applied the log. A revocation waits until every row has passed it; a
gate that stays silent is counted out only once its lease must have run out, by this process's own steady clock,
started after the commit. A gate can renew its lease only by a pull, a pull commits the gate's row before it reads
the head, and a head read after the commit contains the revocation: so no gate can be both silent and fresh.

No gate that is fresh is without a row: none goes but one that no pull has set right for a lease and a margin. A row
before the revocation proves that by its position, since the commit; a marked row (gate_cap.py) says nothing of what
was applied, so it proves that by its mark, since it was first seen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from services.keys.revocation.gate_cap import GATES_MAX_DEFAULT
from services.keys.revocation.gate_progress import GateProgress, GateWait
from services.keys.revocation.gate_rows import GateRows
from services.keys.revocation.restore_detection import MARGIN_SECONDS, RestoreDetection
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.observability import metrics
from shared.replication.feed import Acknowledgement
from shared.replication.proof.receipt_proof import GateShown, Proof, ReceiptShown
from shared.runtime.clock import Clock
from shared.sql.database import Database

KNOWN_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReceipt:
    """`applied_ms`: milliseconds from commit until this gate's acknowledgement was seen; None: counted out."""

    id: str
    applied_ms: int | None

    def shown(self) -> GateShown:
        if self.applied_ms is None:
            return GateShown(id=self.id, counted_out=True)
        return GateShown(id=self.id, applied_ms=self.applied_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`propagated`: no gate anywhere still acts on the state before `position`. `proof`: None: nothing is signed."""

    position: int
    propagated: bool
    elapsed_ms: int
    gates: tuple[GateReceipt, ...]
    proof: Proof | None = None

    def shown(self) -> ReceiptShown:
        """As answers have it, and as it is signed."""
        return ReceiptShown(
            position=self.position,
            propagated=self.propagated,
            elapsed_ms=self.elapsed_ms,
            gates=tuple(gate.shown() for gate in self.gates),
            proof=self.proof,
        )


class Propagation:
    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        restore_detection: RestoreDetection,
        clock: Clock,
        *,
        lease_seconds: float,
        gates_max: int = GATES_MAX_DEFAULT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`gates_max`: of each account."""
        self._database, self._store, self._clock = database, store, clock
        self._restore_detection, self._silence_seconds = restore_detection, lease_seconds + MARGIN_SECONDS
        self._gate_progress = GateProgress(database, clock, sleep)
        self._rows = GateRows(database, clock, silence_seconds=self._silence_seconds, gates_max=gates_max)

    def acknowledge(self, acknowledgement: Acknowledgement, account: str | None = None) -> None:
        """Commits the gate's row. Called by the feed, before it reads the head. Raises GateRefused."""
        self._rows.acknowledge(acknowledgement, account)

    def remove(self, gate_id: str, account: str | None = None) -> None:
        """Deletes the row of a gate that stops cleanly. Raises GateRefused."""
        self._rows.remove(gate_id, account)

    def await_certain(self, position: int, committed_at: float) -> Receipt:
        """For a command that takes power away: returns only when no gate can still act on the earlier state.

        `committed_at`: elapsed seconds, read after the commit. Waits the lease and a margin at most; after a restore
        always that long, for there may be gates that the restored log knows nothing of.
        """
        wait = GateWait(
            position=position,
            committed_at=committed_at,
            deadline=committed_at + self._silence_seconds,
            not_before=self._restore_detection.all_gates_known_from(),
        )
        self._gate_progress.wait_until_over(wait)
        if wait.silent:
            self._rows.count_out(wait.silent, position, wait.marks_seen_by(wait.over_at - self._silence_seconds))
        receipt = self._receipt(wait, wait.silent, propagated=True)
        metrics.receipt_seconds.observe(receipt.elapsed_ms / 1000)
        for milliseconds in wait.applied.values():
            metrics.gate_applied_seconds.observe(milliseconds / 1000)
        metrics.gates_counted_out.inc(len(wait.silent))
        return receipt

    def await_known(self, position: int, committed_at: float) -> Receipt:
        """For a command that gives power: waits a second at most, so that a new secret usually works on every gate."""
        deadline = committed_at + KNOWN_WAIT_SECONDS
        wait = GateWait(position=position, committed_at=committed_at, deadline=deadline)
        self._gate_progress.wait_until_over(wait)
        return self._receipt(wait, (), propagated=not wait.silent)

    def _receipt(self, wait: GateWait, counted_out: tuple[str, ...], *, propagated: bool) -> Receipt:
        gates = [GateReceipt(id=gate_id, applied_ms=ms) for gate_id, ms in wait.applied.items()]
        gates += [GateReceipt(id=gate_id, applied_ms=None) for gate_id in counted_out]
        elapsed_ms = round((self._clock.elapsed_seconds() - wait.committed_at) * 1000)
        return Receipt(position=wait.position, propagated=propagated, elapsed_ms=elapsed_ms, gates=tuple(gates))
