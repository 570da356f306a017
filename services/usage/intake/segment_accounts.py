"""Ownership of spool segments: each belongs to the account that first sent it, for ever.

A segment from before accounts is unknown here: the first that sends it takes it.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from services.usage import tables
from services.usage.bulk_upsert import put
from shared.sql.in_values import in_values


class SegmentAccounts:
    """Those of some segments, as a transaction knows and changes them."""

    def __init__(self, tx: Connection, segments: Iterable[str]) -> None:
        self._tx, self._new = tx, dict[str, str]()
        table = tables.segment_account
        query = select(table).where(in_values(tx, table.c.segment, set(segments)))
        self._known: dict[str, str] = {row.segment: row.account for row in tx.execute(query)}

    def may_send(self, segment: str, account: str | None) -> bool:
        """None: where accounts are not demanded, everybody may."""
        return account is None or self._known.get(segment, account) == account

    def take(self, segment: str, account: str | None) -> None:
        if account is not None and segment not in self._known:
            self._known[segment] = self._new[segment] = account

    def save(self) -> None:
        put(self._tx, tables.segment_account, ("segment", "account"), sorted(self._new.items()))
