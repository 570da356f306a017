"""PostgreSQL keeps requests in one partition a UTC day: made ahead, or when a request needs it, and dropped whole.

A partition is made as a table of its own and then attached, which holds up no reader. SQLite has one table.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, text

from shared.values.timestamps import DAY_US, from_microseconds

_PREFIX = "request_"


def are_kept(tx: Connection) -> bool:
    return tx.dialect.name == "postgresql"


def make(tx: Connection, days: Iterable[int]) -> None:
    """Those that are missing. A day is numbered from 1970-01-01, which is 0; the caller has its turn."""
    exists = text("SELECT to_regclass(:name) IS NOT NULL")
    for day in sorted(days):
        if tx.execute(exists, {"name": name(day)}).scalar_one():
            continue
        tx.execute(text(f"CREATE TABLE {name(day)} (LIKE request INCLUDING DEFAULTS)"))
        bounds = f"FROM ({day * DAY_US}) TO ({(day + 1) * DAY_US})"
        tx.execute(text(f"ALTER TABLE request ATTACH PARTITION {name(day)} FOR VALUES {bounds}"))


def days(tx: Connection) -> list[int]:
    """That have a partition, in order."""
    query = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'request'::regclass"
    return sorted(_day(name) for name in tx.execute(text(query)).scalars())


def drop(tx: Connection, day: int) -> None:
    """Gives up after a second when readers hold it up (sqlalchemy.exc.OperationalError): to wait would hold up all."""
    tx.execute(text("SET LOCAL lock_timeout = '1s'"))
    tx.execute(text(f"DROP TABLE {name(day)}"))


def name(day: int) -> str:
    return f"{_PREFIX}{from_microseconds(day * DAY_US):%Y%m%d}"


def _day(name: str) -> int:
    text = name.removeprefix(_PREFIX)
    return (date(int(text[:4]), int(text[4:6]), int(text[6:8])) - date(1970, 1, 1)).days
