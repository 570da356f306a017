"""Advisory lock: who names a file in the index, and who deletes files that it does not name, take turns."""

from sqlalchemy import Connection

from shared.sql.advisory_lock import take_advisory_lock

_LOCK_ID = 0x7365616C6564


def take_archive_lock(tx: Connection) -> None:
    """Waits for the lock, which the end of the transaction releases. Does nothing on SQLite."""
    take_advisory_lock(tx, _LOCK_ID)
