"""Restore detection: notices that the database was restored or failed over, so that its rows of gates are incomplete.

A gate that joined after the dump was taken has no row in the restored log, and may act on what the lost one told it
until its lease ends. So for one lease after another storage is seen, nobody may count on knowing every gate.
"""

from sqlalchemy import select, update

from services.keys import tables
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.dialect_functions import storage_identity

MARGIN_SECONDS = 0.5
_ALWAYS = float("-inf")


class RestoreDetection:
    def __init__(self, database: Database, clock: Clock, *, lease_seconds: float) -> None:
        self._database, self._clock, self._lease_seconds = database, clock, lease_seconds
        self._first_seen: dict[str, float] = {}
        self._identity = storage_identity(tables.log)
        self._query = select(tables.storage, self._identity.label("identity_now"))

    def all_gates_known_from(self) -> float:
        """The elapsed second from which every gate that may hold a lease has a row; minus infinity: always.

        By this process's own steady clock, from when it first saw this storage: no wall clock is compared. `settle`
        tells the other processes once that time has passed.
        """
        table = tables.storage
        with self._database.reading(once=True) as tx:
            seen = tx.execute(self._query).one()
        identity: str = seen.identity_now
        if seen.identity == identity and seen.settled:
            return _ALWAYS
        if seen.identity != identity:
            with self._database.transaction(urgent=True) as tx:
                tx.execute(
                    update(table).where(table.c.identity == seen.identity).values(identity=identity, settled=False)
                )
        first_seen = self._first_seen.setdefault(identity, self._clock.elapsed_seconds())
        return first_seen + self._lease_seconds + MARGIN_SECONDS

    def settle(self) -> None:
        """Records a new storage, and marks it settled once a lease and a margin have passed. Safe to run twice."""
        known_from = self.all_gates_known_from()
        if known_from == _ALWAYS or self._clock.elapsed_seconds() < known_from:
            return
        table = tables.storage
        with self._database.transaction(urgent=True) as tx:
            identity = tx.execute(select(self._identity)).scalar_one()
            if identity in self._first_seen:
                tx.execute(update(table).where(table.c.identity == identity).values(settled=True))
