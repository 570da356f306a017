"""Many values in one parameter: SQL `column IN (…)`, and rows that a statement is asked about or inserts, as a table.

A statement may have only so many parameters, and each of them costs the driver time.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    LargeBinary,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from shared.sql.dialect_functions import upsert_for

_LISTS: Mapping[str, TypeEngine[Any]] = {"sqlite": Text(), "postgresql": postgresql.ARRAY(String)}


def in_values(tx: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """An array on PostgreSQL, a JSON text on SQLite."""
    dialect = tx.dialect.name
    return _is_among(dialect, column, bindparam(None, listed(dialect, values), type_=_LISTS[dialect]))


def is_wanted(dialect: str, column: ColumnElement[str]) -> ColumnElement[bool]:
    """The same for a statement that is made once and executed often. Its parameter `wanted` is `listed(values)`."""
    return _is_among(dialect, column, bindparam("wanted", type_=_LISTS[dialect]))


def listed(dialect: str, values: Iterable[str]) -> Any:
    return msgspec.json.encode(list(values)).decode() if dialect == "sqlite" else list(values)


def asked_rows(dialect: str, **columns: TypeEngine[Any]) -> FromClause:
    """For a statement that is made once and executed often. `columns`: in the order of a row's values.

    The statement's parameter `asked` is `encoded(rows)`.
    """
    text = bindparam("asked", type_=Text)
    each = func.json_each(text) if dialect == "sqlite" else func.json_array_elements(cast(text, JSON))
    value = each.table_valued("value").c.value
    named = [
        cast(value.op("->>")(literal_column(str(place))), type_).label(name)
        for place, (name, type_) in enumerate(columns.items())
    ]
    return select(*named).subquery("asked")


def asked_values(dialect: str) -> FromClause:
    """The same of single values: column `value`, and `place`, from 0."""
    text = bindparam("asked", type_=Text)
    if dialect == "sqlite":
        each = func.json_each(text).table_valued("key", "value")
        return select(each.c.key.label("place"), each.c.value).subquery("asked")
    listed = func.json_array_elements_text(cast(text, JSON)).table_valued("value", with_ordinality="number")
    numbered = listed.render_derived()
    return select((numbered.c.number - 1).label("place"), numbered.c.value).subquery("asked")


def encoded(rows: Iterable[tuple[str | int | None, ...] | str]) -> str:
    return msgspec.json.encode(list(rows)).decode()


def insertion_of(dialect: str, table: Table, names: Sequence[str]) -> Any:
    """INSERT of many rows in one statement; what happens on a conflict is said behind it. Its parameters: `inserted`.

    On PostgreSQL psycopg would send a statement a row, and wait, or yield to other green threads, for each.
    """
    statement = upsert_for(dialect, table)
    if dialect == "sqlite":
        return statement
    typed = [sql_column(name, table.c[name].type) for name in names]
    rowset = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    given = rowset.table_valued(*typed).render_derived(with_types=True)
    return statement.from_select(list(names), select(*given.c))


def inserted(dialect: str, table: Table, rows: Sequence[Mapping[str, Any]]) -> Any:
    """`rows`: each with the same names, those of its `insertion_of`."""
    if dialect == "sqlite" or not rows:
        return rows
    binary = [name for name in rows[0] if isinstance(table.c[name].type, LargeBinary)]
    texts = [{**row, **{name: f"\\x{row[name].hex()}" for name in binary}} for row in rows] if binary else rows
    return {"rows": msgspec.json.encode(texts).decode()}  # bytea reads what is binary


def inserted_tuples(dialect: str, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Any:
    """The same of rows whose values are in the order of `names`. A dictionary a row would take ten times as long."""
    if dialect == "sqlite" or any(isinstance(table.c[name].type, LargeBinary) for name in names):
        return inserted(dialect, table, [dict(zip(names, row, strict=True)) for row in rows])
    named = _named(names)
    return {"rows": msgspec.json.encode([named(*row) for row in rows]).decode()}


@functools.cache
def _named(names: tuple[str, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", names)


def _is_among(dialect: str, column: ColumnElement[str], values: BindParameter[Any]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column == any_(values)
    return column.in_(select(func.json_each(values).table_valued("value").c.value))
