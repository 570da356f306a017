"""Check that a key mints no more than itself, on the rows of the transaction that appends."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from services.keys import tables
from services.keys.lifecycle.bounds import BeyondOwnBounds, exceeded
from services.keys.lifecycle.key import Access, Key
from shared.values.timestamps import from_rfc3339

_COLUMNS = ("expires_at", "allow_query", "allowed_addresses", "minute_limit", "day_limit")
# Built once: others wait for the log meanwhile.
_ACCESS = select(*(tables.api_key.c[name] for name in _COLUMNS)).where(tables.api_key.c.id == bindparam("key_id"))


def check_own_bounds(tx: Connection, maker_id: str, before: Key | None, after: Key | None) -> None:
    """Checks a key that the key `maker_id` made or changed. Raises BeyondOwnBounds.

    Call it behind the maker's fence, while the log is locked: its bounds are those of the moment of the commit.
    """
    if after is None:
        return
    kept = before.access if before is not None and before.digest == after.digest else None
    if kept == after.access:
        return
    own = before.access if before is not None and before.key_id == maker_id else _access(tx, maker_id)
    bound = exceeded(own, kept, after.access)
    if bound is not None:
        raise BeyondOwnBounds(bound)


def _access(tx: Connection, key_id: str) -> Access:
    row = tx.execute(_ACCESS, {"key_id": key_id}).one()
    return Access(
        expires_at=row.expires_at and from_rfc3339(row.expires_at),
        allow_query=row.allow_query,
        allowed_addresses=tuple(msgspec.json.decode(row.allowed_addresses)),
        minute_limit=row.minute_limit,
        day_limit=row.day_limit,
    )
