"""Orders of the list of keys, and its pages: no key is missed, also where keys are used between two pages.

A page begins where the one before ended. By last use that is not enough, for a key that is used moves past that place.
So the list is as of its first page: first the keys not used since then, in their order, then those used since, by id.
One that is used between two pages may be shown twice, and none is left out; and however busy keys are, the list ends.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column

from services.keys import tables
from shared.sql.keyset import By, cut, keyset, read_page

_LAST_USED = "last_used_at"
_SORTED_BY: dict[str, ColumnElement[Any]] = {
    "created_at": tables.api_key.c.created_at,
    "name": tables.api_key.c.sort_name,
    "expires_at": tables.api_key.c.expires_at,
    _LAST_USED: tables.api_key.c.last_used_at,
}
# What stands for no time: a key that never expires comes after all that do, one never used before all that were. As it
# stands in the indexes (tables.py), so that a page is read from them.
_ORDER: dict[str, ColumnElement[Any]] = _SORTED_BY | {
    "expires_at": func.coalesce(tables.api_key.c.expires_at, literal_column("'never'")),
    _LAST_USED: func.coalesce(tables.api_key.c.last_used_at, literal_column("''")),
}
SORTS = (*_SORTED_BY, *(f"-{name}" for name in _SORTED_BY))
NEWEST_FIRST = "-created_at"


class Place(NamedTuple):
    """Where a page ended: the value and id of its last key. `since`: the latest use at the first page, by last use."""

    since: str
    value: str
    id: str


def read_keys(
    tx: Connection, query: Select[Any], sort: str, after: Place | None, limit: int
) -> tuple[Sequence[Row[Any]], Place | None]:
    """(the rows of the page of that query, its place if more follow). `sort`: one of SORTS."""
    name, is_descending = sort.lstrip("-"), sort.startswith("-")
    by = _ORDER[name]
    order, key_id = (By(by, is_descending), By(tables.api_key.c.id, is_descending)), tables.api_key.c.id
    query = query.add_columns(by.label("place"))
    if name != _LAST_USED:
        shown, last = read_page(tx, query, order, after and after[1:], limit)
        return shown, last and Place("", last.place, last.id)
    since = after.since if after else tx.execute(query.with_only_columns(func.max(by))).scalar_one() or ""
    rows: list[Row[Any]] = []
    is_among_used = after is not None and after.value > since
    if not is_among_used:
        rows += tx.execute(keyset(query.where(by <= since), order, after and after[1:], limit)).all()
    if len(rows) <= limit:
        place = (after.id,) if after is not None and is_among_used else None
        rows += tx.execute(keyset(query.where(by > since), (By(key_id),), place, limit - len(rows))).all()
    shown, last = cut(rows, limit)
    return shown, last and Place(since, last.place, last.id)
