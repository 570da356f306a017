"""Check that a key mints no more than itself, on the rows of the transaction that appends."""

from sqlalchemy import Connection, bindparam, select

from services.keys import tables
from services.keys.lifecycle.bounds import BeyondOwnBounds, exceeded
from services.keys.lifecycle.key import SETTINGS, Access, Key
from services.keys.views.setting_columns import from_row

# Built once: others wait for the log meanwhile.
_ACCESS = select(*(tables.api_key.c[name] for name in SETTINGS)).where(tables.api_key.c.id == bindparam("key_id"))


def check_own_bounds(tx: Connection, maker_id: str, before: Key | None, after: Key | None) -> None:
    """Checks a key that the key `maker_id` made or changed. Raises BeyondOwnBounds.

    Call it behind the maker's fence, while the log is locked: its bounds are those of the moment of the commit.
    """
    if after is None:
        return
    kept = before.access if before is not None and before.digest == after.digest else None
    if kept == after.access:
        return
    own = before.access if before is not None and before.key_id == maker_id else _own_access(tx, maker_id)
    _check(own, kept, after.access)


def check_within(own: Access, new: Access) -> None:
    """Checks a new key of who has the bounds `own`. Raises BeyondOwnBounds."""
    _check(own, None, new)


def _check(own: Access, kept: Access | None, after: Access) -> None:
    bound = exceeded(own, kept, after)
    if bound is not None:
        raise BeyondOwnBounds(bound)


def _own_access(tx: Connection, key_id: str) -> Access:
    return Access(**from_row(tx.execute(_ACCESS, {"key_id": key_id}).one()))
