"""SQL that differs by database: its clock, the identity of a table's storage, a commit that need not be durable."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Dialect, FromClause, String, Table, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from shared.values.timestamps import from_rfc3339


class _Moment(TypeDecorator[datetime]):
    """Aware UTC datetime; SQLite gives it as a text."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime:
        return from_rfc3339(value) if isinstance(value, str) else value.astimezone(UTC)


class DatabaseClock(FunctionElement[datetime]):
    """The database's current time, as a column of a query: the one clock that all gates of a log share."""

    name = "database_clock"
    type = _Moment()
    inherit_cache = True


@compiles(DatabaseClock)
def _clock(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseClock, "sqlite")
def _clock_of_sqlite(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def database_time(connection: Connection) -> datetime:
    return connection.execute(select(DatabaseClock())).scalar_one()


class _StorageIdentity(FunctionElement[str]):
    name = "storage_identity"
    type = String()
    inherit_cache = True


_CLUSTER_TIMELINE_AND_FILE = (
    "(SELECT system_identifier FROM pg_control_system())"
    " || '-' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
    " || '-' || pg_relation_filenode(CAST({} AS regclass))"
)


@compiles(_StorageIdentity)
def _identity(element: _StorageIdentity, compiler: Any, **options: Any) -> str:
    return _CLUSTER_TIMELINE_AND_FILE.format(compiler.process(element.clauses, **options))


@compiles(_StorageIdentity, "sqlite")
def _identity_of_sqlite(_element: _StorageIdentity, _compiler: Any, **_options: Any) -> str:
    return "'sqlite'"


def storage_identity(table: FromClause) -> ColumnElement[str]:
    """Identity of the storage that holds a table, as a column of a query. It changes with a restore or a failover.

    Made of PostgreSQL's cluster id, timeline and the table's file, so that a TRUNCATE or a VACUUM FULL changes it, too.
    On SQLite it is constant: a single process holds the file and all that it knows about it.
    """
    return _StorageIdentity(literal(table.description))


class NotDurable(FunctionElement[bool]):
    """A condition that is true of every row, for a statement of `Database.writing_once`: its commit is not durable."""

    name = "not_durable"
    type = Boolean()
    inherit_cache = True


@compiles(NotDurable)
def _not_durable(_element: NotDurable, _compiler: Any, **_options: Any) -> str:
    # Of this transaction alone, and read when it commits; without a row it has nothing to commit.
    return "set_config('synchronous_commit', 'off', true) = 'off'"


@compiles(NotDurable, "sqlite")
def _not_durable_by_sqlite(_element: NotDurable, _compiler: Any, **_options: Any) -> str:
    return "true"  # the transaction's own option says it


def upsert_for(dialect: str, table: Table) -> Any:
    """INSERT … ON CONFLICT, for a statement that is made once and executed often: the class of that dialect."""
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
