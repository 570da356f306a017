"""Advisory lock: transactions of all processes take turns. SQLite needs none: it has one writer as it is."""

import functools
from typing import Any

from sqlalchemy import Connection, Select, func, select


def take_advisory_lock(tx: Connection, lock_id: int, *, waits_as_a_statement: bool = False) -> None:
    """Waits for the lock, which the end of the transaction releases. Does nothing on SQLite.

    `waits_as_a_statement`: as long as a statement may take, and not only as long as for other locks.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_lock(lock_id, waits_as_a_statement))


@functools.cache
def _lock(lock_id: int, waits_as_a_statement: bool) -> Select[Any]:
    lock = func.pg_advisory_xact_lock(lock_id)
    return select(func.set_config("lock_timeout", "0", True), lock) if waits_as_a_statement else select(lock)
