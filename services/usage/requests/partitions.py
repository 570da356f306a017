"""Partitions of table `request` on PostgreSQL: one a UTC day, made ahead or on demand, dropped whole.

By functions of the database's owner (migration 0008), for the service's own role may create nothing. A partition is
created as a table of its own and then attached, which blocks no reader. SQLite has one plain table.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, text

from shared.values.timestamps import DAY_US, from_microseconds

_PREFIX = "request_"
_MAKE = text("SELECT make_request_partition(:day)")


def are_kept(tx: Connection) -> bool:
    """Whether this database has partitions."""
    return tx.dialect.name == "postgresql"


def make(tx: Connection, days: Iterable[int]) -> None:
    """Makes the missing partitions of `days`, numbered from 1970-01-01. The caller holds the writer lock."""
    for day in sorted(days):
        tx.execute(_MAKE, {"day": day})


def days(tx: Connection) -> list[int]:
    """The days that have a partition, in order."""
    query = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'request'::regclass"
    return sorted(_day(name) for name in tx.execute(text(query)).scalars())


def drop(tx: Connection, day: int) -> None:
    """Raises sqlalchemy.exc.OperationalError when readers hold the table for a second: waiting would block all."""
    tx.execute(text("SET LOCAL lock_timeout = '1s'"))
    tx.execute(text("SELECT drop_request_partition(:day)"), {"day": day})


def name(day: int) -> str:
    return f"{_PREFIX}{from_microseconds(day * DAY_US):%Y%m%d}"


def _day(name: str) -> int:
    text = name.removeprefix(_PREFIX)
    return (date(int(text[:4]), int(text[4:6]), int(text[6:8])) - date(1970, 1, 1)).days
