"""Rows of gates: how far each has applied the log, and whose it is.

A gate's id belongs to the account that first spoke for it: nobody else acknowledges in its name, or removes it. An
account has at most as many rows as the cap says; a gate beyond that has no row, and so its pull gets no answer. An
account None is not known (a token that all services share, or RPC without accounts): it is taken for any of them.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, or_, select, update

from services.keys import tables
from services.keys.revocation.gate_cap import MARKS, GateCap
from shared.observability import metrics
from shared.replication.feed import Acknowledgement, GateRefusal, GateRefused
from shared.runtime.clock import Clock
from shared.runtime.flat_combining import Combiner
from shared.sql.advisory_lock import take_advisory_lock
from shared.sql.database import Database, upsert
from shared.sql.dialect_functions import NotDurable
from shared.sql.in_values import in_values

# More than the internal listener's threads can bring at once.
ACKNOWLEDGEMENTS_MAX = 50
_JOIN_LOCK_ID = 0x6761746573
_gate = tables.gate
_ROWS_OF = select(_gate).where(_gate.c.id.in_(bindparam("gates", expanding=True)))
_SET_POSITION = (
    update(_gate)
    .where(_gate.c.id == bindparam("of"), _gate.c.account.is_not_distinct_from(bindparam("whose")), NotDurable())
    .values(position=bindparam("to"))
)
_SET = update(_gate).where(_gate.c.id == bindparam("of")).values(position=bindparam("to"))
# The number of gates: those that run, and those killed since the last revocation.
GATES = select(func.count()).select_from(_gate).scalar_subquery()
_whose = bindparam("whose", type_=_gate.c.account.type)
# Of one gate, where this account may speak for it: what it said last.
ACKNOWLEDGED = (
    select(_gate.c.position)
    .where(_gate.c.id == bindparam("gate"), or_(_whose.is_(None), _gate.c.account == _whose))
    .scalar_subquery()
)

_Row = tuple[int, str | None]  # position and account


@dataclass(slots=True, kw_only=True, eq=False)
class Word:
    """What an account says of a gate, and why it was not taken."""

    gate: str
    position: int
    account: str | None
    refusal: GateRefusal | None = None


class GateRows:
    def __init__(self, database: Database, clock: Clock, *, silence_seconds: float, gates_max: int) -> None:
        self._database, self._clock = database, clock
        self._cap = GateCap(gates_max, silence_seconds=silence_seconds)
        self._commit_together = Combiner(self._commit, most=ACKNOWLEDGEMENTS_MAX, gives_way=False)

    def acknowledge(self, acknowledgement: Acknowledgement, account: str | None = None) -> None:
        """Commits the gate's row. Called by the feed, before it reads the head. Raises GateRefused.

        A push makes all gates acknowledge at the same time; those that do so here share a commit.
        """
        word = Word(gate=acknowledgement.gate, position=acknowledgement.position, account=account)
        self._commit_together(word)
        if word.refusal is not None:
            raise _refused(word.refusal)

    def remove(self, gate_id: str, account: str | None = None) -> None:
        """Deletes the row of a gate that stops cleanly. Raises GateRefused."""
        is_it = _gate.c.id == gate_id
        with self._database.transaction(urgent=True) as tx:
            row = tx.execute(select(_gate).where(is_it)).one_or_none()
            is_refused = row is not None and account is not None and row.account != account
            if not is_refused:
                tx.execute(delete(_gate).where(is_it, *([] if account is None else [_gate.c.account == account])))
        if is_refused:
            raise _refused(GateRefusal.FOREIGN)

    def count_out(self, gate_ids: Iterable[str], position: int, marks: Sequence[int]) -> None:
        """Deletes those rows that are still before `position`, or still have one of these marks."""
        is_behind = _gate.c.position.between(0, position - 1)
        with self._database.transaction(urgent=True) as tx:
            _remove(tx, gate_ids, or_(is_behind, _gate.c.position.in_(marks)))

    def _commit(self, words: Sequence[Word]) -> None:
        # The furthest of each gate comes last: another is a late repetition, which must not set it back.
        words = sorted(words, key=lambda word: word.position)
        with self._database.reading(once=True) as tx:
            rows = {row.id: row for row in tx.execute(_ROWS_OF, {"gates": tuple({word.gate for word in words})})}
        for word in words:
            word.refusal = GateRefusal.FOREIGN if _is_foreign(word, rows.get(word.gate)) else None
        taken = [word for word in words if word.refusal is None]
        known = {word.gate: word for word in taken if _is_known(word, rows.get(word.gate))}
        new = [word for word in taken if not _is_known(word, rows.get(word.gate))]
        moved = {gate: word for gate, word in known.items() if rows[gate].position != word.position}
        if moved and not self._set_positions(moved, rows):
            new += [word for word in taken if word.gate in moved]
        if new:
            self._join(new)

    def _set_positions(self, moved: Mapping[str, Word], rows: Mapping[str, Row[Any]]) -> bool:
        """False when some rows were gone. Not durable: a crash may set a position back; then a receipt waits longer.

        Rows themselves are inserted durably, for nobody waits for a gate that has none.
        """
        # In one order everywhere, against deadlocks.
        values = [{"of": gate, "to": moved[gate].position, "whose": rows[gate].account} for gate in sorted(moved)]
        with self._database.writing_once(urgent=True) as tx:
            return tx.execute(_SET_POSITION, values).rowcount == len(values)

    def _join(self, words: Sequence[Word]) -> None:
        """For gates without a row, or with one that is nobody's yet; or with one by now."""
        with self._database.transaction(urgent=True) as tx:
            # New gates are counted one after another, across processes.
            take_advisory_lock(tx, _JOIN_LOCK_ID)
            rows = {row.id: (row.position, row.account) for row in tx.execute(select(_gate))}
            full: set[str] = set()
            for word in sorted(words, key=lambda word: (word.gate, word.position)):
                _, owner = rows.get(word.gate, (0, None))
                if word.account is not None and word.account != owner:
                    word.refusal = self._refusal(tx, word.account, owner, rows, full)
                if word.refusal is None:
                    position, account = rows[word.gate] = word.position, owner or word.account
                    put = upsert(tx, _gate).values(id=word.gate, position=position, account=account)
                    # Another process of the release before may insert it meanwhile; it takes no lock.
                    new = {name: put.excluded[name] for name in ("position", "account")}
                    tx.execute(put.on_conflict_do_update(index_elements=["id"], set_=new))

    def _refusal(
        self, tx: Connection, account: str, owner: str | None, rows: dict[str, _Row], full: set[str]
    ) -> GateRefusal | None:
        """None: the account may have the gate. `rows` is kept as the table is; `full`: accounts at the cap."""
        if owner is not None:
            return GateRefusal.FOREIGN
        if account not in full and not self._has_room(tx, account, rows):
            full.add(account)  # marks of this transaction are not committed yet, so nobody has seen them
        return GateRefusal.CAP if account in full else None

    def _has_room(self, tx: Connection, account: str, rows: dict[str, _Row]) -> bool:
        mine = {gate: position for gate, (position, owner) in rows.items() if owner == account}
        step = self._cap.step(account, tuple(mine.values()), self._clock.elapsed_seconds())
        if step is None:
            return True
        if step.mark:
            mark = -1 - secrets.randbelow(MARKS)  # another one each time, in whatever process
            tx.execute(_SET, [{"of": gate, "to": mark} for gate in sorted(mine)])
        gone = _remove(tx, mine, _gate.c.position.in_(step.remove)) if step.remove else ()
        for gate in gone:
            del rows[gate]
        return bool(gone)


def _remove(tx: Connection, gate_ids: Iterable[str], is_it: ColumnElement[bool]) -> Sequence[str]:
    """Deletes those of the rows of which that is true by now. In two statements: a receipt waits for it."""
    # In one order everywhere, against deadlocks.
    locked = select(_gate.c.id).where(in_values(tx, _gate.c.id, gate_ids), is_it).order_by(_gate.c.id).with_for_update()
    found = tx.execute(locked).scalars().all()
    tx.execute(delete(_gate).where(in_values(tx, _gate.c.id, found)))
    return found


def _is_foreign(word: Word, row: Row[Any] | None) -> bool:
    return row is not None and None not in (word.account, row.account) and word.account != row.account


def _is_known(word: Word, row: Row[Any] | None) -> bool:
    return row is not None and word.account in (None, row.account)


def _refused(refusal: GateRefusal) -> GateRefused:
    metrics.gates_refused.labels(refusal.value).inc()
    return GateRefused(refusal)
