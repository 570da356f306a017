"""Advisory lock: writers of counters take turns, across processes.

So a deleted key is erased wholly before or wholly after a batch that names it; a rebuild never sees half a batch; and
two writers cannot deadlock.
"""

from sqlalchemy import Connection

from shared.sql.advisory_lock import take_advisory_lock

_LOCK_ID = 0x7573616765


def take_writer_lock(tx: Connection) -> None:
    """Waits for the lock, which the end of the transaction releases. Does nothing on SQLite.

    As long as a statement may take, and not only as long as for other locks: no request's thread waits here, and who
    gives up does all its work again.
    """
    take_advisory_lock(tx, _LOCK_ID, waits_as_a_statement=True)
