"""When each key was last used, as usage tells it every few seconds. Last value only: later wins, never earlier."""

from datetime import datetime
from itertools import islice

from sqlalchemy import or_, select, update

from services.keys import tables
from shared.database import Database
from shared.times import rfc3339

# The log is held meanwhile, and commands wait.
_KEYS_AT_ONCE = 100


class LastUse:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, last_used: dict[str, datetime]) -> None:
        """Safe to run twice, and in any order."""
        left = iter(last_used.items())
        while some := list(islice(left, _KEYS_AT_ONCE)):
            self._record(some)

    def _record(self, last_used: list[tuple[str, datetime]]) -> None:
        table = tables.api_key
        with self._database.transaction(durable=False) as tx:
            # Commands change many keys' rows in one transaction, too: who holds the head cannot meet them half-way.
            tx.execute(select(tables.log_head).with_for_update())
            for key_id, moment in last_used:
                at = rfc3339(moment)
                is_later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
                tx.execute(update(table).where(table.c.id == key_id, is_later).values(last_used_at=at))
