"""Many values in one parameter: SQL `column IN (…)`, and rows that a statement is asked about, as a table.

A statement may have only so many parameters, and each of them costs the driver time.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    String,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine


def in_values(tx: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """An array on PostgreSQL, a JSON text on SQLite."""
    wanted = list(values)
    if tx.dialect.name == "postgresql":
        return column == any_(bindparam(None, wanted, type_=postgresql.ARRAY(String)))
    each = func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
    return column.in_(select(each.c.value))


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


def encoded(rows: Iterable[tuple[str | int, ...] | str]) -> str:
    return msgspec.json.encode(list(rows)).decode()
