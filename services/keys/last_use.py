"""When each key was last used, as usage tells it every few seconds. Last value only: later wins, never earlier."""

from datetime import datetime

from sqlalchemy import or_, update

from services.keys import tables
from shared.database import Database
from shared.times import rfc3339


class LastUse:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, last_used: dict[str, datetime]) -> None:
        """Safe to run twice, and in any order."""
        table = tables.api_key
        with self._database.transaction() as tx:
            for key_id, moment in last_used.items():
                at = rfc3339(moment)
                is_later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
                tx.execute(update(table).where(table.c.id == key_id, is_later).values(last_used_at=at))
