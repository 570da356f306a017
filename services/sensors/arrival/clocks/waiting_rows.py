"""Waiting rows: what is written of clocks waits until it is read, or all is done: then a statement a table."""

import functools
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Table

from shared.sql.in_values import inserted, insertion_of


class WaitingRows:
    """Of one transaction."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._rows: defaultdict[Table, dict[tuple[object, ...], dict[str, object]]] = defaultdict(dict)

    def put(self, table: Table, row: dict[str, object]) -> None:
        """In place of the one with its key."""
        self._rows[table][tuple(row[column.name] for column in table.primary_key)] = row

    def write(self) -> None:
        for table, rows in self._rows.items():
            dialect, in_order = self._tx.dialect.name, [rows[key] for key in sorted(rows)]
            self._tx.execute(_replacement(dialect, table), inserted(dialect, table, in_order))
        self._rows.clear()


@functools.cache
def _replacement(dialect: str, table: Table) -> Any:
    statement = insertion_of(dialect, table, table.columns.keys())
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in others}
    )
