"""Keyset pagination: the rows of an ordered list that follow a given place, whatever is written between two pages.

A place is the last shown row's values in the ordering columns, which together identify one row. Unlike OFFSET, it
neither skips nor repeats rows when others come or go, and an index on those columns finds it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_
from sqlalchemy.sql import operators

Item = TypeVar("Item")
Query = TypeVar("Query", bound=Select[Any])


class By(NamedTuple):
    """One column of an ordering. The column must never be null."""

    column: ColumnElement[Any]
    descending: bool = False

    def is_past(self, value: Any) -> ColumnElement[bool]:
        return self.column.operate(operators.lt if self.descending else operators.gt, value)

    def is_not_before(self, value: Any) -> ColumnElement[bool]:
        return self.column.operate(operators.le if self.descending else operators.ge, value)


def read_page(
    tx: Connection, query: Select[Any], order: Sequence[By], after: Sequence[Any] | None, limit: int
) -> tuple[Sequence[Row[Any]], Row[Any] | None]:
    """(the rows of the page, its last row if more follow, else None). `after`: None for the first page."""
    return cut(tx.execute(keyset(query, order, after, limit)).all(), limit)


def keyset(query: Query, order: Sequence[By], after: Sequence[Any] | None, limit: int) -> Query:
    """The query for one page and one row more, which tells whether it is the last. `after`: None for the first page."""
    if after is not None:
        query = query.where(_past(order, after))
    ordered = (by.column.desc() if by.descending else by.column for by in order)
    return query.order_by(*ordered).limit(limit + 1)


def cut(rows: Sequence[Item], limit: int) -> tuple[Sequence[Item], Item | None]:
    """From limit + 1 rows: (the rows of the page, its last row if more follow, else None)."""
    shown = rows[:limit]
    return shown, shown[-1] if len(rows) > limit else None


def _past(order: Sequence[By], place: Sequence[Any]) -> ColumnElement[bool]:
    (first, *others), (value, *rest) = order, place
    if not others:
        return first.is_past(value)
    # The first condition follows from the second, but lets an index scan start at the place.
    return and_(first.is_not_before(value), or_(first.is_past(value), _past(others, rest)))
