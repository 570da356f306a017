"""Bulk upsert: many rows in one INSERT … ON CONFLICT, which adds to the rows that exist or replaces them.

PostgreSQL gets the rows as one JSON text, which costs its driver a tenth of what one array a column does.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case

from shared.sql.in_values import inserted, insertion_of

HALF_A_BIGINT = 2**62 - 1


def insertion(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> tuple[Any, Any]:
    """An INSERT of `rows`, whose values are in the order of `names`, and its parameters: (statement, parameters).

    The caller adds what happens on a conflict.
    """
    dialect, dicts = tx.dialect.name, [dict(zip(names, row, strict=True)) for row in rows]
    return insertion_of(dialect, table, names), inserted(dialect, table, dicts)


def add_to(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows, or adds to those that exist: every column outside the primary key is a number, and is summed."""
    if not rows:
        return
    statement, parameters = insertion(tx, table, names, rows)
    keys = [key.name for key in table.primary_key]
    sums = {name: sum_of_two(table.c[name], statement.excluded[name]) for name in names if name not in keys}
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), parameters)


def sum_of_two(stored: ColumnElement[int], gained: ColumnElement[int], half: int = HALF_A_BIGINT) -> ColumnElement[int]:
    """Their sum; each counts as `half` at most, two of which the column holds.

    One key's overflow would stop the counting of all: many records can be forged, and rows of before intake refused
    what no gate writes may hold anything.
    """
    stored, gained = (case((number > half, half), else_=number) for number in (stored, gained))
    return stored + gained


def put(
    tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], *, later: str | None = None
) -> None:
    """Inserts rows, or replaces those that exist; with `later`, only those whose value in that column is smaller."""
    if not rows:
        return
    statement, parameters = insertion(tx, table, names, rows)
    keys = [key.name for key in table.primary_key]
    values = {name: statement.excluded[name] for name in names if name not in keys}
    condition = None if later is None else statement.excluded[later] > table.c[later]
    tx.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=values, where=condition),
        parameters,
    )
