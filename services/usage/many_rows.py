"""Many rows in one statement: an INSERT to which the caller adds what happens to rows that are there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Connection, Table, bindparam, cast, func, select

from shared.database import upsert


def insertion(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> tuple[Any, Any]:
    """(statement, its parameters). PostgreSQL gets a column as one array, SQLite the rows one after another."""
    statement = upsert(tx, table)
    if tx.dialect.name == "sqlite":
        return statement, [dict(zip(names, row, strict=True)) for row in rows]
    arrays = [func.unnest(cast(bindparam(name), ARRAY(table.c[name].type))) for name in names]
    columns = zip(*rows, strict=True)
    return statement.from_select(names, select(*arrays)), dict(zip(names, map(list, columns), strict=True))


def add_to(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """What is not of the primary key is a number, added to the one that is there."""
    if not rows:
        return
    statement, parameters = insertion(tx, table, names, rows)
    keys = [column.name for column in table.primary_key]
    sums = {name: table.c[name] + statement.excluded[name] for name in names if name not in keys}
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), parameters)


def put(
    tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], *, later: str | None = None
) -> None:
    """Instead of the rows that are there; with `later`, only of those in which that column is less."""
    if not rows:
        return
    statement, parameters = insertion(tx, table, names, rows)
    keys = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in names if name not in keys}
    condition = None if later is None else statement.excluded[later] > table.c[later]
    tx.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=values, where=condition),
        parameters,
    )
