"""Whoever changes what was counted takes turns with all others who do, whatever process they are in.

So a deleted key's callers are erased either before a batch that still names them is taken in, or after; a rebuild
sees no batch half; and no two writers can wait for each other. Before PostgreSQL, SQLite has one writer as it is.
"""

from sqlalchemy import Connection, func, select

_TURN = 0x7573616765


def take_writer_lock(tx: Connection) -> None:
    """Waits for it; the transaction's end gives it up."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(_TURN)))
