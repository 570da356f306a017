"""Databases of PostgreSQL copied and put back under services that run, as snapshots of their disks would be."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests.servers import Postgres, ServiceDatabase


@dataclass(frozen=True, slots=True)
class Copies:
    """`copy` each database once; `put_back` as often as wanted."""

    postgres: Postgres

    def copy(self, databases: Sequence[ServiceDatabase]) -> None:
        """All of one moment. Their services are cut off meanwhile, and find them again by themselves."""
        self._run(_closed(databases), [_made(f"{each.name}_copy", each.name, each) for each in databases])
        self._run([_opened(each) for each in databases])

    def put_back(self, databases: Sequence[ServiceDatabase]) -> None:
        """All of them are what they were before anybody can look into one."""
        dropped = [sql.SQL("DROP DATABASE {}").format(sql.Identifier(each.name)) for each in databases]
        self._run(_closed(databases), dropped, [_made(each.name, f"{each.name}_copy", each) for each in databases])
        self._run([right for each in databases for right in _rights(each)], [_opened(each) for each in databases])

    def _run(self, *statements: Sequence[sql.Composed]) -> None:
        with psycopg.connect(self.postgres.address(), autocommit=True) as connection:
            for each in (each for some in statements for each in some):
                connection.execute(each)


def _closed(databases: Sequence[ServiceDatabase]) -> list[sql.Composed]:
    """To all, and nobody is in it any more."""
    names = [each.name for each in databases]
    closed = [sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)) for name in names]
    ended = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY({})")
    return [*closed, ended.format(sql.Literal(names))]


def _made(name: str, source: str, like: ServiceDatabase) -> sql.Composed:
    owner = sql.Identifier(f"{like.name}_owner")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} ALLOW_CONNECTIONS false")
    return statement.format(sql.Identifier(name), sql.Identifier(source), owner)


def _rights(database: ServiceDatabase) -> list[sql.Composed]:
    """What a template does not have (ops/postgres/databases.sh)."""
    name = sql.Identifier(database.name)
    return [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT ON DATABASE {0} TO {0}").format(name),
    ]


def _opened(database: ServiceDatabase) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database.name))
