"""Advisory lock: transactions of all processes take turns. SQLite needs none: it has one writer as it is."""

from sqlalchemy import Connection, func, select


def take_advisory_lock(tx: Connection, lock_id: int, *, waits_as_a_statement: bool = False) -> None:
    """Waits for the lock, which the end of the transaction releases. Does nothing on SQLite.

    `waits_as_a_statement`: as long as a statement may take, and not only as long as for other locks.
    """
    if tx.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(lock_id)
        tx.execute(select(func.set_config("lock_timeout", "0", True), lock) if waits_as_a_statement else select(lock))
