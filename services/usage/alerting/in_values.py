"""Rows of many keys, asked for by one parameter: thousands of them, each its own, cost more than the rows they find."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, String, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql


def among(tx: Connection, column: Column[str], values: Iterable[str]) -> ColumnElement[bool]:
    """`column IN (values)`."""
    wanted = list(values)
    if tx.dialect.name == "postgresql":
        return column == any_(bindparam(None, wanted, type_=postgresql.ARRAY(String)))
    each = func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
    return column.in_(select(each.c.value))
