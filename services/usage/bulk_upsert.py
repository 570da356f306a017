"""Bulk upsert: many rows in one INSERT … ON CONFLICT, which adds to the rows that exist or replaces them.

PostgreSQL gets the rows as one JSON text, which costs its driver a tenth of what one array a column does. A statement
is made once: to make it again costs as much as to execute it with a few rows.
"""

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case

from shared.sql.in_values import inserted_tuples, insertion_of

HALF_A_BIGINT, HALF_AN_INTEGER = 2**62 - 1, 2**30 - 1
Rows = Sequence[tuple[Any, ...]]  # each with its values in the order of the names


def add_to(tx: Connection, table: Table, names: tuple[str, ...], rows: Rows, half: int = HALF_A_BIGINT) -> None:
    """Inserts rows, or adds to those that exist: every column outside the primary key is a number, and is summed.

    `half`: of what these columns hold, as in `sum_of_two`.
    """
    if rows:
        dialect = tx.dialect.name
        tx.execute(_addition(dialect, table, names, half), inserted_tuples(dialect, table, names, rows))


def put(tx: Connection, table: Table, names: tuple[str, ...], rows: Rows, *, later: str | None = None) -> None:
    """Inserts rows, or replaces those that exist; with `later`, only those whose value in that column is smaller."""
    if rows:
        dialect = tx.dialect.name
        tx.execute(_replacement(dialect, table, names, later), inserted_tuples(dialect, table, names, rows))


def sum_of_two(stored: ColumnElement[int], gained: ColumnElement[int], half: int = HALF_A_BIGINT) -> ColumnElement[int]:
    """Their sum; each counts as `half` at most, two of which the column holds.

    One key's overflow would stop the counting of all: many records can be forged, and rows of before intake refused
    what no gate writes may hold anything.
    """
    stored, gained = (case((number > half, half), else_=number) for number in (stored, gained))
    return stored + gained


@functools.cache
def _addition(dialect: str, table: Table, names: tuple[str, ...], half: int) -> Any:
    statement, keys = insertion_of(dialect, table, names), [key.name for key in table.primary_key]
    sums = {name: sum_of_two(table.c[name], statement.excluded[name], half) for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=sums)


@functools.cache
def _replacement(dialect: str, table: Table, names: tuple[str, ...], later: str | None) -> Any:
    statement, keys = insertion_of(dialect, table, names), [key.name for key in table.primary_key]
    values = {name: statement.excluded[name] for name in names if name not in keys}
    is_later = None if later is None else statement.excluded[later] > table.c[later]
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=is_later)
