"""Sweep: deletes rows that are over, past those that others hold.

Waiting for a row here, while others wait for ours, might not end; what is held now is swept another time.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, select

_SWEPT_MAX = 1000  # at a time


def sweep(tx: Connection, table: Table, is_over: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Of a table whose key is `digest`. What was deleted."""
    rows = tx.execute(select(table).where(is_over).limit(_SWEPT_MAX).with_for_update(skip_locked=True)).all()
    tx.execute(delete(table).where(table.c.digest.in_([row.digest for row in rows])))
    return rows
