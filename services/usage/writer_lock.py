"""Advisory lock: writers of counters take turns, across processes.

So a deleted key is erased wholly before or wholly after a batch that names it; a rebuild never sees half a batch; and
two writers cannot deadlock. SQLite needs no such lock: it has one writer as it is.
"""

from sqlalchemy import Connection, func, select

_LOCK_ID = 0x7573616765


def take_writer_lock(tx: Connection) -> None:
    """Waits for the lock, which the end of the transaction releases. Does nothing on SQLite.

    As long as a statement may take, and not only as long as for other locks: no request's thread waits here, and who
    gives up does all its work again.
    """
    if tx.dialect.name == "postgresql":
        no_limit = func.set_config("lock_timeout", "0", True)
        tx.execute(select(no_limit, func.pg_advisory_xact_lock(_LOCK_ID)))
