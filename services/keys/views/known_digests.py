"""Digests of every secret that there is or ever was, whosever: an index of the log, so that none is imported twice;
and those that auth knew to be dead when a log without them was accepted.

It is made and carried on by imports alone, so that other commands do not pay for it, and processes of an older release
beside this one write nothing into it that it would lack.
"""

import time
from collections.abc import Collection

from sqlalchemy import Connection, select, update

from services.keys import tables
from services.keys.events import KeyCreated, KeyRotated, types
from shared.sql.database import Database, upsert
from shared.sql.in_values import in_values

_NAMING = ("KeyCreated", "KeyRotated")
_PAGE_ROWS = 5_000


class KnownDigests:
    def __init__(self, database: Database) -> None:
        self._database = database

    def catch_up(self) -> None:
        """Reads the log up to its end, a page a transaction: of a long log that takes seconds, once."""
        more = True
        while more:
            with self._database.transaction() as tx:
                more = _read_on(tx)
            time.sleep(0)  # embedded, all services share this thread

    def note(self, tx: Connection, digests: Collection[str]) -> frozenset[str]:
        """Those of them that a key has or ever had; the others are known from now on, also to the next command of this
        transaction, whose rows are not in the log yet. Call it while the log is locked, soon after `catch_up`.
        """
        while _read_on(tx):
            pass
        digest = tables.known_digest.c.digest
        known = frozenset(tx.execute(select(digest).where(in_values(tx, digest, digests))).scalars())
        keep(tx, set(digests) - known)
        return known


def keep(tx: Connection, digests: Collection[str]) -> None:
    """Also of secrets that no log tells of any more."""
    if digests:
        kept = upsert(tx, tables.known_digest).on_conflict_do_nothing()
        tx.execute(kept, [{"digest": digest} for digest in sorted(digests)])


def _read_on(tx: Connection) -> bool:
    """One page; whether there may be more."""
    log, place = tables.log, tables.known_digest_place
    before = tx.execute(select(place.c.position)).scalar_one_or_none()
    # Read first: what others append meanwhile is beyond it, and comes with the next page.
    end = tx.execute(select(tables.log_head.c.position)).scalar_one()
    query = select(log.c.position, log.c.type, log.c.schema_version, log.c.data)
    is_next = log.c.position > (before or 0), log.c.position <= end, log.c.type.in_(_NAMING)
    query = query.where(*is_next).order_by(log.c.position)
    rows = tx.execute(query.limit(_PAGE_ROWS)).all()
    events = [types.decode(row.type, row.schema_version, row.data) for row in rows]
    keep(tx, {event.digest for event in events if isinstance(event, KeyCreated | KeyRotated)})
    is_whole = len(rows) < _PAGE_ROWS
    read = end if is_whole else rows[-1].position
    if before is None:
        tx.execute(upsert(tx, place).on_conflict_do_nothing(), {"id": 1, "position": 0})
    # Never backwards: another import may be further on.
    tx.execute(update(place).where(place.c.position < read).values(position=read))
    return not is_whole
