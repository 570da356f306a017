"""When, from where and for what each key was last used, as usage tells it: the later wins, whatever the order."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import or_, update

from services.keys import tables
from shared.contracts.usage import UsedAt
from shared.database import Database
from shared.times import rfc3339

_NOWHERE: Mapping[str, UsedAt] = MappingProxyType({})


class LastUse:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, last_used: dict[str, datetime], used_at: Mapping[str, UsedAt] = _NOWHERE) -> None:
        """Safe to run twice, and in any order. `used_at`: of some keys or none; an older usage does not tell."""
        table = tables.api_key
        with self._database.transaction() as tx:
            for key_id, moment in sorted(last_used.items()):
                at, place = rfc3339(moment), used_at.get(key_id)
                is_later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
                values = {
                    "last_used_at": at,
                    "last_used_address": place and place.address,
                    "last_used_route": place and place.route,
                }
                tx.execute(update(table).where(table.c.id == key_id, is_later).values(values))
