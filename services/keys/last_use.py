"""When, from where and for what each key was last used, as usage tells it: the later wins, whatever the order."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from sqlalchemy import or_, select, update

from services.keys import tables
from shared.contracts.usage import UsedAt
from shared.database import Database
from shared.times import rfc3339

_NOWHERE: Mapping[str, UsedAt] = MappingProxyType({})
# The log is held meanwhile, and commands wait.
_KEYS_AT_ONCE = 100


class LastUse:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, last_used: dict[str, datetime], used_at: Mapping[str, UsedAt] = _NOWHERE) -> None:
        """Safe to run twice, and in any order. `used_at`: of some keys or none; an older usage does not tell."""
        left = iter(last_used.items())
        while some := list(islice(left, _KEYS_AT_ONCE)):
            self._record(some, used_at)

    def _record(self, last_used: list[tuple[str, datetime]], used_at: Mapping[str, UsedAt]) -> None:
        table = tables.api_key
        with self._database.transaction(durable=False) as tx:
            # Commands change many keys' rows in one transaction, too: who holds the head cannot meet them half-way.
            tx.execute(select(tables.log_head).with_for_update())
            for key_id, moment in last_used:
                at, place = rfc3339(moment), used_at.get(key_id)
                is_later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
                values = {
                    "last_used_at": at,
                    "last_used_address": place and place.address,
                    "last_used_route": place and place.route,
                }
                tx.execute(update(table).where(table.c.id == key_id, is_later).values(values))
