"""Shared wait for the gates' positions: one waiting thread reads the table for all, as in flat combining.

So a hundred revocations at once read no more than one does. A wait is served only by reads that began after it did:
an earlier read might not show what it has committed.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from services.keys import tables
from services.keys.revocation.gate_cap import is_mark
from shared.runtime.clock import Clock
from shared.sql.database import Database

# Pause between two reads: an eighth of the newest wait's age, so that polling does not take the processor from gates
# that are slow for want of one; and 10 ms at most, so that no answer is later than that.
_PAUSE_PART, _PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX = 1 / 8, 0.002, 0.01
_POSITIONS = select(tables.gate.c.id, tables.gate.c.position)


@dataclass(slots=True, kw_only=True, eq=False)
class GateWait:
    """One wait for the gates to reach `position`. Times are elapsed seconds.

    Over at the deadline or when no gate is silent, but not before `not_before`. `applied`: gate → milliseconds from the
    commit until its acknowledgement was read. `silent`: gates that have not acknowledged. Both are of one read: a gate
    that joins later reads a head that has the change.
    """

    position: int
    committed_at: float
    deadline: float
    not_before: float = float("-inf")
    applied: dict[str, int] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    is_over: bool = False
    over_at: float = float("-inf")
    _marks: dict[int, float] | None = None  # mark → when it was first seen

    def observe(self, positions: Mapping[str, int], now: float) -> None:
        """`positions`: gate → its position in the log, or its mark, read by `now`."""
        for gate_id, position in positions.items():
            if position >= self.position:
                self.applied.setdefault(gate_id, round((now - self.committed_at) * 1000))
        self._see({position for position in positions.values() if is_mark(position)}, now)
        self.silent = tuple(gate_id for gate_id in positions if gate_id not in self.applied)
        is_through = not self.silent and now >= self.not_before
        self.is_over = is_through or now >= max(self.deadline, self.not_before)
        self.over_at = now

    def marks_seen_by(self, moment: float) -> tuple[int, ...]:
        """Marks that were there at that moment, when it was read, or before."""
        return tuple(mark for mark, seen_at in (self._marks or {}).items() if seen_at <= moment)

    def _see(self, marks: set[int], now: float) -> None:
        if self._marks is None and marks:
            # Those that were there before the commit shall be old enough at the deadline to be removed.
            self.deadline += now - self.committed_at
        self._marks = dict.fromkeys(marks, now) | (self._marks or {})


class GateProgress:
    def __init__(self, database: Database, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._database, self._clock, self._sleep = database, clock, sleep
        self._changed = threading.Condition()
        self._waits: list[GateWait] = []
        self._has_reader = False

    def wait_until_over(self, wait: GateWait) -> None:
        """Blocks until the wait is over."""
        with self._changed:
            self._waits.append(wait)
        try:
            while self._becomes_reader(wait):
                self._read_until_over(wait)
        finally:
            with self._changed:
                self._waits.remove(wait)

    def _becomes_reader(self, wait: GateWait) -> bool:
        """Blocks until the wait is over (False), or until this thread is to read for all (True)."""
        with self._changed:
            self._changed.wait_for(lambda: wait.is_over or not self._has_reader)
            if not wait.is_over:
                self._has_reader = True
            return not wait.is_over

    def _read_until_over(self, wait: GateWait) -> None:
        try:
            while True:
                with self._changed:
                    waits = tuple(self._waits)  # before the read begins
                self._read(waits)
                if wait.is_over:
                    return
                self._sleep(self._pause_seconds())
        finally:
            with self._changed:
                self._has_reader = False
                self._changed.notify_all()

    def _pause_seconds(self) -> float:
        now = self._clock.elapsed_seconds()
        with self._changed:
            waited = min(now - wait.committed_at for wait in self._waits)
        return min(max(waited * _PAUSE_PART, _PAUSE_SECONDS_MIN), _PAUSE_SECONDS_MAX)

    def _read(self, waits: Sequence[GateWait]) -> None:
        with self._database.reading(once=True) as tx:
            positions = {gate.id: gate.position for gate in tx.execute(_POSITIONS)}
        now = self._clock.elapsed_seconds()
        with self._changed:
            for wait in waits:
                if not wait.is_over:
                    wait.observe(positions, now)
            if any(wait.is_over for wait in waits):
                self._changed.notify_all()
