"""What somebody with the log's database file does behind the service's back."""

import sqlite3

from shared.eventsourcing.event_store import StoredEvent, genesis_hash, row_hash


def rechain(connection: sqlite3.Connection) -> None:
    """What a thorough intruder does afterwards: every hash and the head made right again."""
    connection.row_factory = sqlite3.Row
    (epoch,) = connection.execute("SELECT epoch FROM log_head").fetchone()
    previous, position = genesis_hash(epoch), 0
    for stored in connection.execute("SELECT * FROM log ORDER BY position").fetchall():
        row = StoredEvent(**stored)
        previous, position = row_hash(previous, row), row.position
        connection.execute("UPDATE log SET hash = ? WHERE position = ?", (previous, position))
    connection.execute("UPDATE log_head SET hash = ?, position = ?", (previous, position))
