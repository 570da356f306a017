"""Who knows of a change: the gates that acknowledge, and the receipt that proves a revocation.

Every gate has a row that says how far it has applied the log. A revocation waits until every row has passed it; a
gate that stays silent is counted out only once its lease must have run out, by this process's own steady clock,
started after the commit. A gate can renew its lease only by a pull, a pull commits the gate's row before it reads
the head, and a head read after the commit contains the revocation: so no gate can be both silent and fresh.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from services.keys import tables
from services.keys.storage import MARGIN_SECONDS, Storage
from shared import metrics
from shared.clock import Clock
from shared.database import Database, commit_without_waiting
from shared.feed import Acknowledgement
from shared.sql_event_store import SqlEventStore

KNOWN_WAIT_SECONDS = 1.0
_LOOK_SECONDS = 0.002


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


class _Looks:
    """How far each gate is, read for all who wait at once: a hundred waiting revocations read no more than one.

    Nobody is given a look that began before he asked: it might not show what he has committed.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._one_at_a_time = threading.Lock()
        self._begun = 0
        self._last: tuple[int, dict[str, int], float] = (0, {}, 0.0)

    def look(self) -> tuple[dict[str, int], float]:
        """Gate → its place in the log; and the elapsed second at which that had been read."""
        begun_before = self._begun
        with self._one_at_a_time:
            number, places, at = self._last
            if number <= begun_before:
                self._begun = number = number + 1
                with self._database.reading() as tx:
                    places = {gate.id: gate.position for gate in tx.execute(select(tables.gate))}
                at = self._clock.elapsed_seconds()
                self._last = number, places, at
        return places, at


class Propagation:
    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        storage: Storage,
        clock: Clock,
        *,
        lease_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database, self._store, self._storage, self._clock = database, store, storage, clock
        self._lease_seconds, self._sleep = lease_seconds, sleep
        self._looks = _Looks(database, clock)

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Commits the gate's row. Called by the feed, before it reads the head."""
        gate = tables.gate
        is_this = gate.c.id == acknowledgement.gate
        with self._database.reading() as tx:
            known = tx.execute(select(gate.c.position).where(is_this)).scalar_one_or_none()
        if known == acknowledgement.position:
            return
        if known is not None and self._move(acknowledgement):
            return
        with self._database.transaction() as tx:
            tx.execute(insert(gate).values(id=acknowledgement.gate, position=acknowledgement.position))

    def _move(self, acknowledgement: Acknowledgement) -> bool:
        """Whether the row is still there. A crash may set its place back, which only makes a receipt wait longer.

        A row itself must last: a gate without one is a gate that nobody waits for.
        """
        gate = tables.gate
        with self._database.transaction() as tx:
            commit_without_waiting(tx)
            moved = tx.execute(
                update(gate).where(gate.c.id == acknowledgement.gate).values(position=acknowledgement.position)
            )
        return moved.rowcount > 0

    def count(self, tx: Connection) -> int:
        """Gates with a row: those that live, and those killed since the last revocation."""
        return tx.execute(select(func.count()).select_from(tables.gate)).scalar_one()

    def remove(self, gate_id: str) -> None:
        """A gate that stops cleanly takes its row with it."""
        with self._database.transaction() as tx:
            tx.execute(delete(tables.gate).where(tables.gate.c.id == gate_id))

    def head_position(self) -> int:
        with self._database.reading() as tx:
            return self._store.head(tx).position

    def await_certain(self, position: int, committed_at: float) -> Receipt:
        """For what takes power away: returns only when no gate can still act on the state before.

        `committed_at`: elapsed seconds, read after the commit. Takes the lease and a margin at the very most; after
        a restore always that long, for there may be gates that the restored log knows nothing of.
        """
        deadline = committed_at + self._lease_seconds + MARGIN_SECONDS
        known_from = self._storage.all_gates_known_from()
        applied, silent = self._watch(position, committed_at, deadline, not_before=known_from)
        with self._database.transaction() as tx:
            for gate_id in silent:
                gate = tables.gate
                tx.execute(delete(gate).where(gate.c.id == gate_id, gate.c.position < position))
        receipt = self._receipt(position, committed_at, applied, silent, propagated=True)
        metrics.receipt_seconds.observe(receipt.elapsed_ms / 1000)
        return receipt

    def await_known(self, position: int, committed_at: float) -> Receipt:
        """For what gives power: waits a second at most, so that a new secret usually works everywhere."""
        applied, silent = self._watch(position, committed_at, committed_at + KNOWN_WAIT_SECONDS)
        return self._receipt(position, committed_at, applied, (), propagated=not silent)

    def _watch(
        self, position: int, committed_at: float, deadline: float, *, not_before: float = float("-inf")
    ) -> tuple[dict[str, int], tuple[str, ...]]:
        """Gate → milliseconds until its acknowledgement was seen, and who was silent still.

        Ends at the deadline, or when nobody is silent any more, though `not_before`. Both as of one look: a gate that
        joins later reads a head that has the change.
        """
        applied: dict[str, int] = {}
        while True:
            places, now = self._looks.look()
            for gate_id, place in places.items():
                if place >= position:
                    applied.setdefault(gate_id, round((now - committed_at) * 1000))
            silent = tuple(gate_id for gate_id in places if gate_id not in applied)
            if (not silent and now >= not_before) or now >= max(deadline, not_before):
                return applied, silent
            self._sleep(_LOOK_SECONDS)

    def _receipt(
        self, position: int, committed_at: float, applied: dict[str, int], silent: tuple[str, ...], *, propagated: bool
    ) -> Receipt:
        gates = [GateReceipt(id=gate_id, applied_ms=ms) for gate_id, ms in applied.items()]
        gates += [GateReceipt(id=gate_id, applied_ms=None) for gate_id in silent]
        elapsed_ms = round((self._clock.elapsed_seconds() - committed_at) * 1000)
        return Receipt(position=position, propagated=propagated, elapsed_ms=elapsed_ms, gates=tuple(gates))
