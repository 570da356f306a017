"""How far the gates are, looked at for all who wait for them: a hundred waiting revocations read no more than one.

One of those who wait looks, and tells the others. Nobody is told of a look that began before he asked: it might not
show what he has committed.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from services.keys import tables
from shared.runtime.clock import Clock
from shared.sql.database import Database

# Between two looks: an eighth of what whoever came last has waited. So gates that need long, for want of a processor,
# are not kept from it by who looks for them, and no look is too late by more than the longest rest.
_REST_PART, _REST_SECONDS_MIN, _REST_SECONDS_MAX = 1 / 8, 0.002, 0.01
_PLACES = select(tables.gate.c.id, tables.gate.c.position)


@dataclass(slots=True, kw_only=True, eq=False)
class GateWait:
    """One wait for the gates to reach `position`. Times are elapsed seconds.

    Over at the deadline, or when nobody is silent any more, though `not_before`. `applied`: gate → milliseconds until
    its acknowledgement was seen. Both as of one look: a gate that joins later reads a head that has the change.
    """

    position: int
    committed_at: float
    deadline: float
    not_before: float = float("-inf")
    applied: dict[str, int] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    is_over: bool = False

    def see(self, places: Mapping[str, int], now: float) -> None:
        """`places`: gate → its place in the log, read by `now`."""
        for gate_id, place in places.items():
            if place >= self.position:
                self.applied.setdefault(gate_id, round((now - self.committed_at) * 1000))
        self.silent = tuple(gate_id for gate_id in places if gate_id not in self.applied)
        is_through = not self.silent and now >= self.not_before
        self.is_over = is_through or now >= max(self.deadline, self.not_before)


class GateProgress:
    def __init__(self, database: Database, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._database, self._clock, self._sleep = database, clock, sleep
        self._changed = threading.Condition()
        self._watches: list[GateWait] = []
        self._has_looker = False

    def keep(self, watch: GateWait) -> None:
        """Returns when it is over."""
        with self._changed:
            self._watches.append(watch)
        try:
            while self._has_to_look(watch):
                self._look_until_over(watch)
        finally:
            with self._changed:
                self._watches.remove(watch)

    def _has_to_look(self, watch: GateWait) -> bool:
        """Waits until it is over, or until nobody looks."""
        with self._changed:
            self._changed.wait_for(lambda: watch.is_over or not self._has_looker)
            if not watch.is_over:
                self._has_looker = True
            return not watch.is_over

    def _look_until_over(self, watch: GateWait) -> None:
        try:
            while True:
                with self._changed:
                    asked = tuple(self._watches)  # before the look begins
                self._look(asked)
                if watch.is_over:
                    return
                self._sleep(self._rest_seconds())
        finally:
            with self._changed:
                self._has_looker = False
                self._changed.notify_all()

    def _rest_seconds(self) -> float:
        now = self._clock.elapsed_seconds()
        with self._changed:
            waited = min(now - watch.committed_at for watch in self._watches)
        return min(max(waited * _REST_PART, _REST_SECONDS_MIN), _REST_SECONDS_MAX)

    def _look(self, asked: Sequence[GateWait]) -> None:
        with self._database.reading(once=True) as tx:
            places = {gate.id: gate.position for gate in tx.execute(_PLACES)}
        now = self._clock.elapsed_seconds()
        with self._changed:
            for watch in asked:
                if not watch.is_over:
                    watch.see(places, now)
            if any(watch.is_over for watch in asked):
                self._changed.notify_all()
