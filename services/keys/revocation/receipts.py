"""Receipts of executed commands: waits until gates have applied what was appended."""

from typing import Any

from services.keys.revocation.propagation import Propagation, Receipt
from shared.eventsourcing.repository import Executed
from shared.runtime.clock import Clock


class Receipts:
    def __init__(self, propagation: Propagation, clock: Clock) -> None:
        self._propagation, self._clock = propagation, clock

    def certain(self, *executed: Executed[Any]) -> Receipt:
        """For what takes power away: once no gate acts on the state before."""
        committed_at = self._clock.elapsed_seconds()
        return self._propagation.await_certain(self._position(*executed), committed_at)

    def known(self, *executed: Executed[Any]) -> Receipt:
        """For what gives power: once every gate knows, or after a second. Of no command: of the whole log."""
        committed_at = self._clock.elapsed_seconds()
        return self._propagation.await_known(self._position(*executed), committed_at)

    def _position(self, *executed: Executed[Any]) -> int:
        """The last event's position in the log; the head's when nothing was appended."""
        last = max((row.position for each in executed for row in each.rows), default=0)
        return last or self._propagation.head_position()
