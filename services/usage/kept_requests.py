"""The requests themselves, as long as they are kept: what activity shows and counters are made again from."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from services.usage import partitions, tables
from services.usage.moments import DAY_US, microseconds
from shared.contracts.usage import RequestRecord

_NAMES = tuple(column.name for column in tables.request.columns if column.name != "id")
_COPY = f"COPY request ({', '.join(_NAMES)}) FROM STDIN"


def keep(tx: Connection, records: Sequence[RequestRecord]) -> None:
    """Those of days that are still kept; the caller has its turn."""
    before = sealed_before(tx)
    rows = [row for row in map(_row, records) if row[0] >= before]
    if not rows:
        return
    if partitions.are_kept(tx):
        partitions.make(tx, {row[0] // DAY_US for row in rows})
        _copy(tx, rows)
    else:
        tx.execute(insert(tables.request), [dict(zip(_NAMES, row, strict=True)) for row in rows])


def sealed_before(tx: Connection) -> int:
    """Microseconds since 1970: requests from before then are gone."""
    before: int = tx.execute(select(tables.sealed.c.before)).scalar_one()
    return before


def _copy(tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """psycopg's COPY, which SQLAlchemy has no word for."""
    driver: Any = tx.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


def _row(record: RequestRecord) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    return (
        microseconds(record.at),
        record.key_id,
        record.organisation_id,
        record.request_id,
        record.method,
        record.route,
        record.status,
        record.cost,
        record.duration_us,
        record.size,
        record.address,
        record.user_agent,
        record.problem,
    )
