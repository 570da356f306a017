"""Last use of each key: when, from which address and on which route. Kept in SQL and published every few seconds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from services.usage import tables
from services.usage.bulk_upsert import put
from shared.contracts.usage import KeyUsed, RequestRecord, UsedAt
from shared.sql.in_values import in_values
from shared.values.timestamps import to_microseconds

_KEYS_MAX = 1000  # of one message
LastUses = dict[str, RequestRecord]
PreviousUses = dict[tuple[str, str], datetime]
UsesInQuery = dict[str, datetime]


def last_uses(records: Iterable[RequestRecord]) -> LastUses:
    """key → its last request. Only requests that the gate admitted are uses."""
    used: LastUses = {}
    for record in records:
        if record.key_id is not None and record.cost:
            known = used.get(record.key_id)
            if known is None or record.at > known.at:
                used[record.key_id] = record
    return used


def previous_uses(records: Iterable[RequestRecord]) -> PreviousUses:
    """(key, secret) → its last use, of secrets before the newest."""
    used: PreviousUses = {}
    for record in records:
        if record.key_id is not None and record.cost and record.previous_secret is not None:
            secret = record.key_id, record.previous_secret
            used[secret] = max(record.at, used.get(secret, record.at))
    return used


def uses_in_query(records: Iterable[RequestRecord]) -> UsesInQuery:
    """key → when its newest secret came last in a URL. Logs on the way have it, whether or not it was refused."""
    used: UsesInQuery = {}
    for record in records:
        if record.in_query and record.key_id is not None and record.previous_secret is record.secret_hint is None:
            used[record.key_id] = max(record.at, used.get(record.key_id, record.at))
    return used


def keep_last_uses(tx: Connection, used: LastUses) -> None:
    """Stores last uses; an earlier one never replaces a later one."""
    rows = [(key_id, to_microseconds(use.at), use.address, use.route) for key_id, use in sorted(used.items())]
    put(tx, tables.last_use, ("key_id", "at", "address", "route"), rows, later="at")


def used_since(tx: Connection, since: Mapping[str, datetime]) -> set[str]:
    """Those of the keys that were used at their moment or later."""
    if not since:
        return set()
    table = tables.last_use
    query = select(table.c.key_id, table.c.at).where(in_values(tx, table.c.key_id, since))
    return {key_id for key_id, at in tx.execute(query) if at >= to_microseconds(since[key_id])}


class RecentUses:
    """Last uses in this process since they were last published. The latest use wins, in whatever order batches come."""

    def __init__(self) -> None:
        self._used: LastUses = {}
        self._previous: PreviousUses = {}
        self._in_query: UsesInQuery = {}

    def add(self, used: LastUses, previous: PreviousUses, in_query: UsesInQuery) -> None:
        """`previous`: of keys that are in `used`, too."""
        for key_id, use in used.items():
            known = self._used.get(key_id)
            if known is None or use.at > known.at:
                self._used[key_id] = use
        for secret, at in previous.items():
            self._previous[secret] = max(at, self._previous.get(secret, at))
        for key_id, at in in_query.items():
            self._in_query[key_id] = max(at, self._in_query.get(key_id, at))

    def take(self) -> Iterator[KeyUsed]:
        """Takes them out, as messages of at most 1000 keys; none if there was no use."""
        used, self._used = self._used, {}
        in_query, self._in_query = self._in_query, {}
        previous: dict[str, dict[str, datetime]] = defaultdict(dict)
        for (key_id, secret), at in self._previous.items():
            previous[key_id][secret] = at
        self._previous = {}
        keys = list(used | in_query)
        for first in range(0, len(keys), _KEYS_MAX):
            few = keys[first : first + _KEYS_MAX]
            uses = {key_id: used[key_id] for key_id in few if key_id in used}
            yield KeyUsed(
                last_used={key_id: use.at for key_id, use in uses.items()},
                used_at={key_id: UsedAt(address=use.address, route=use.route) for key_id, use in uses.items()},
                previous_used={key_id: previous[key_id] for key_id in few if key_id in previous},
                in_query={key_id: in_query[key_id] for key_id in few if key_id in in_query},
            )
