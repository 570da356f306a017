"""Which keys are deleted: their callers are erased, and what comes later of them is stored without (retention)."""

import functools

from sqlalchemy import Connection, Select, select

from services.usage import tables
from shared.sql.in_values import is_wanted, listed


def erased_of(tx: Connection, key_ids: set[str]) -> set[str]:
    """Those of the keys that are deleted."""
    if not key_ids:
        return set()
    dialect = tx.dialect.name
    return set(tx.execute(_erased_among(dialect), {"wanted": listed(dialect, key_ids)}).scalars())


@functools.cache
def _erased_among(dialect: str) -> Select[str]:
    key_id = tables.erased_key.c.key_id
    return select(key_id).where(is_wanted(dialect, key_id))
