"""The request log: every metered request, append-only, for the retention time.

Activity shows it, and the counters can be rebuilt from it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DataError

from services.usage import tables
from services.usage.requests import partitions
from shared.contracts.usage import SIZE_MAX, RequestRecord
from shared.values.timestamps import DAY_US, from_microseconds, to_microseconds

_NAMES = tuple(column.name for column in tables.request.columns if column.name != "id")
_SEALED_BEFORE = select(tables.sealed.c.before)
_READ_ROWS = 5000
_COPY = f"COPY request ({', '.join(_NAMES)}) FROM STDIN"


def keep(tx: Connection, records: Sequence[RequestRecord]) -> None:
    """Appends the records, except those of sealed days. The caller holds the writer lock."""
    before = sealed_before(tx)
    rows = [row for row in map(_row, records) if row[0] >= before]
    if not rows:
        return
    if partitions.are_kept(tx):
        partitions.make(tx, {row[0] // DAY_US for row in rows})
        _copy(tx, rows)
    else:
        tx.execute(insert(tables.request), [dict(zip(_NAMES, row, strict=True)) for row in rows])


def stored(tx: Connection, start: int, end: int) -> Iterator[RequestRecord]:
    """The records in [start, end), microseconds since 1970. Holds a few thousand in memory at a time."""
    at = tables.request.c.at
    query = select(*(tables.request.c[name] for name in _NAMES)).where(at >= start, at < end)
    for row in tx.execute(query.execution_options(yield_per=_READ_ROWS)):
        yield _record(*row)


def sealed_before(tx: Connection) -> int:
    """The seal, in microseconds since 1970: requests from before it are deleted."""
    before: int = tx.execute(_SEALED_BEFORE).scalar_one()
    return before


def _copy(tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY through psycopg, since SQLAlchemy has no such statement. Raises DataError, as an INSERT would."""
    connection: Any = tx.connection.driver_connection
    driver: Any = tx.dialect.dbapi
    try:
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.DataError as error:
        raise DataError(_COPY, None, error, hide_parameters=True) from error


def _row(record: RequestRecord) -> tuple[Any, ...]:
    """The values in the order of the table's columns; _record is the inverse."""
    return (
        to_microseconds(record.at),
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
        record.requests,
        record.problem,
        record.secret_hint,
        record.network_id,
    )


def _record(  # as many as the table has columns
    at: int,
    key_id: str | None,
    organisation_id: str | None,
    request_id: str,
    method: str,
    route: str,
    status: int,
    cost: int,
    duration_us: int,
    size: int,
    address: str,
    user_agent: str,
    requests: int,
    problem: str | None,
    secret_hint: str | None,
    network_id: str | None,
) -> RequestRecord:
    return RequestRecord(
        request_id=request_id,
        at=from_microseconds(at),
        key_id=key_id,
        organisation_id=organisation_id,
        method=method,
        route=route,
        status=status,
        cost=cost,
        duration_us=duration_us,
        size=min(size, SIZE_MAX),  # of more there are rows from before intake refused them
        address=address,
        user_agent=user_agent,
        requests=requests,
        problem=problem,
        secret_hint=secret_hint,
        network_id=network_id,
    )
