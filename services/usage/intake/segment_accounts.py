"""Ownership of spool segments: each belongs to the account that first sent it, for ever.

A segment from before accounts is unknown here: the first that sends it takes it.
"""

import functools
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, select

from services.usage import tables
from services.usage.bulk_upsert import put
from shared.sql.in_values import is_wanted, listed


class SegmentAccounts:
    """Those of some segments, as a transaction knows and changes them."""

    def __init__(self, tx: Connection, segments: Iterable[str]) -> None:
        self._tx, self._new, dialect = tx, dict[str, str](), tx.dialect.name
        rows = tx.execute(_of_segments(dialect), {"wanted": listed(dialect, set(segments))})
        self._known: dict[str, str] = {row.segment: row.account for row in rows}

    def may_send(self, segment: str, account: str | None) -> bool:
        """None: where accounts are not demanded, everybody may."""
        return account is None or self._known.get(segment, account) == account

    def take(self, segment: str, account: str | None) -> None:
        if account is not None and segment not in self._known:
            self._known[segment] = self._new[segment] = account

    def save(self) -> None:
        put(self._tx, tables.segment_account, ("segment", "account"), sorted(self._new.items()))


@functools.cache
def _of_segments(dialect: str) -> Select[Any]:
    table = tables.segment_account
    return select(table).where(is_wanted(dialect, table.c.segment))
