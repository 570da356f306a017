"""Receipts of executed commands: waits until gates have applied what was appended, and proves it."""

from typing import Any

from services.keys.revocation.evidence import Evidence
from services.keys.revocation.propagation import Propagation, Receipt
from shared.eventsourcing.decision import Executed
from shared.runtime.clock import Clock


class Receipts:
    def __init__(self, propagation: Propagation, evidence: Evidence, clock: Clock) -> None:
        self._propagation, self._evidence, self._clock = propagation, evidence, clock

    def certain(self, *executed: Executed[Any]) -> Receipt:
        """For what takes power away: once no gate acts on the state before."""
        committed_at = self._clock.elapsed_seconds()
        position, place = self._evidence.place(*executed)
        return self._evidence.proved(self._propagation.await_certain(position, committed_at), place)

    def last(self, key_id: str) -> Receipt:
        """Of what was last done to a key, as gates stand now: once every gate knows it, or after a second."""
        asked_at = self._clock.elapsed_seconds()
        position, place = self._evidence.last_of(key_id)
        return self._evidence.proved(self._propagation.await_known(position, asked_at), place)

    def known(self, *executed: Executed[Any]) -> Receipt:
        """For what gives power: once every gate knows, or after a second. Of no command: of the whole log."""
        committed_at = self._clock.elapsed_seconds()
        position, place = self._evidence.place(*executed)
        return self._evidence.proved(self._propagation.await_known(position, committed_at), place)
