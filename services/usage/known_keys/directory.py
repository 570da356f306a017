"""Directory of keys: to which organisation a key belongs.

Workers ask the table that follows the log of keys; web processes ask their gate's grants first.
"""

from sqlalchemy import Connection, bindparam, select

from services.usage import tables
from shared.contracts.seen import SeenKey, SeenKeys
from shared.gate.grants.grant import Status
from shared.gate.grants.grants import Grants
from shared.sql.database import Database

# Made once: each question about a key asks it first.
_OWN = select(tables.known_key.c.key_id).where(
    tables.known_key.c.key_id == bindparam("key_id"), tables.known_key.c.organisation_id == bindparam("organisation_id")
)


class KnownKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def belongs_to(self, key_id: str, organisation_id: str) -> bool:
        with self._database.reading(once=True) as tx:
            return tx.execute(_OWN, {"key_id": key_id, "organisation_id": organisation_id}).first() is not None

    def seen(self, after: str | None, limit: int) -> SeenKeys:
        with self._database.reading(once=True) as tx:
            return seen_page(tx, after, limit)


class ExistingKeys:
    """The same for a web process, whose grants show a change at once; the table may follow a moment later."""

    def __init__(self, known_keys: KnownKeys, grants: Grants) -> None:
        self._known_keys, self._grants = known_keys, grants

    def belongs_to(self, key_id: str, organisation_id: str) -> bool:
        grant = self._grants.by_id(key_id)
        if grant is None:
            return self._known_keys.belongs_to(key_id, organisation_id)
        return grant.organisation_id == organisation_id and grant.status is not Status.DELETED


def seen_page(tx: Connection, after: str | None, limit: int) -> SeenKeys:
    """At most `limit` keys that the log has told of, whose ids come after this one."""
    table = tables.known_key
    query = select(table.c.key_id, table.c.organisation_id, table.c.hint).order_by(table.c.key_id).limit(limit + 1)
    rows = tx.execute(query if after is None else query.where(table.c.key_id > after)).all()
    keys = tuple(SeenKey(key_id=row.key_id, organisation_id=row.organisation_id, hint=row.hint) for row in rows[:limit])
    return SeenKeys(keys=keys, next=keys[-1].key_id if len(rows) > limit else None)
