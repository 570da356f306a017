"""SQL `column IN (…)` with one parameter for all values.

A statement may have only so many parameters, and each of them costs the driver time.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, String, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql


def in_values(tx: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """An array on PostgreSQL, a JSON text on SQLite."""
    wanted = list(values)
    if tx.dialect.name == "postgresql":
        return column == any_(bindparam(None, wanted, type_=postgresql.ARRAY(String)))
    each = func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
    return column.in_(select(each.c.value))
