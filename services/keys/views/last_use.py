"""Last use of each key: when, from which address and for which route, as the usage service reports it; when the secret
before the newest was used last, and when the newest came last in a URL's query.

The latest use wins, in whatever order reports arrive and however often.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from types import MappingProxyType

from sqlalchemy import String, Update, bindparam, func, or_, select, update

from services.keys import tables
from shared.contracts.usage import SECRET_CHARACTERS, UsedAt
from shared.sql.database import Database
from shared.sql.in_values import asked_rows, encoded
from shared.values.timestamps import rfc3339

# The log is locked meanwhile, and commands wait.
_KEYS_AT_ONCE = 100
_KEY = tables.api_key
_LOCK_LOG = select(tables.log_head).with_for_update()
_RECORD_PREVIOUS_USE = (
    update(_KEY)
    .where(
        _KEY.c.id == bindparam("of"),
        func.substr(_KEY.c.previous_digest, 1, SECRET_CHARACTERS) == bindparam("secret"),
        or_(_KEY.c.previous_used_at.is_(None), _KEY.c.previous_used_at < bindparam("at")),
    )
    .values(previous_used_at=bindparam("at"))
)
# What came before a rotation was another secret.
_RECORD_IN_QUERY = (
    update(_KEY)
    .where(
        _KEY.c.id == bindparam("of"),
        or_(_KEY.c.rotated_at.is_(None), _KEY.c.rotated_at < bindparam("at")),
        or_(_KEY.c.sent_in_query_at.is_(None), _KEY.c.sent_in_query_at < bindparam("at")),
    )
    .values(sent_in_query_at=bindparam("at"))
)
# With each change of the keys' rows that no event tells of.
MARK = update(tables.use_mark).values(number=tables.use_mark.c.number + 1)
_NO_TIMES: Mapping[str, datetime] = MappingProxyType({})
_NONE: Mapping[str, Mapping[str, datetime]] = MappingProxyType({})
_NO_PLACES: Mapping[str, UsedAt] = MappingProxyType({})


class LastUse:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        last_used: dict[str, datetime],
        used_at: Mapping[str, UsedAt] = _NO_PLACES,
        previous_used: Mapping[str, Mapping[str, datetime]] = _NONE,
        in_query: Mapping[str, datetime] = _NO_TIMES,
    ) -> None:
        """Safe to run twice, and in any order. `used_at`: address and route, for some keys or none: older usage
        services do not send them. `previous_used`: of secrets before the newest, by the beginning of their digests.
        `in_query`: of the newest, sent in a URL, also by a request that was refused and so no use."""
        left = iter(last_used | dict.fromkeys(in_query))
        while some := list(islice(left, _KEYS_AT_ONCE)):
            self._record(some, last_used, used_at, previous_used, in_query)

    def _record(
        self,
        keys: list[str],
        last_used: Mapping[str, datetime],
        used_at: Mapping[str, UsedAt],
        previous_used: Mapping[str, Mapping[str, datetime]],
        in_query: Mapping[str, datetime],
    ) -> None:
        uses = [_use(key_id, last_used[key_id], used_at.get(key_id)) for key_id in keys if key_id in last_used]
        of_previous = [
            {"of": key_id, "secret": secret, "at": rfc3339(moment)}
            for key_id in keys
            for secret, moment in previous_used.get(key_id, {}).items()
        ]
        sent = [{"of": key_id, "at": rfc3339(in_query[key_id])} for key_id in keys if key_id in in_query]
        with self._database.transaction(durable=False) as tx:
            # Commands update many keys' rows in one transaction too; the lock on the head prevents deadlocks with them.
            tx.execute(_LOCK_LOG)
            tx.execute(MARK)
            if uses:
                tx.execute(_recording_of_uses(tx.dialect.name), {"asked": encoded(uses)})
            if of_previous:
                tx.execute(_RECORD_PREVIOUS_USE, of_previous)
            if sent:
                tx.execute(_RECORD_IN_QUERY, sent)


@cache
def _recording_of_uses(dialect: str) -> Update:
    """One statement for all keys: a statement a key costs the driver and the database ten times as much."""
    use = asked_rows(dialect, of=String(), at=String(), address=String(), route=String())
    is_later = or_(_KEY.c.last_used_at.is_(None), _KEY.c.last_used_at < use.c.at)
    values = {"last_used_at": use.c.at, "last_used_address": use.c.address, "last_used_route": use.c.route}
    return update(_KEY).where(_KEY.c.id == use.c.of, is_later).values(values)


def _use(key_id: str, moment: datetime, place: UsedAt | None) -> tuple[str | None, ...]:
    return key_id, rfc3339(moment), *((None, None) if place is None else (place.address, place.route))
