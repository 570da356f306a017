"""A service's database with its schema, whose migrations run once for all tests of a process: on SQLite, and on
PostgreSQL as production has it, migrated by its owner and opened by the role that runs.
"""

import functools
import secrets
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import inspect, make_url, text

from shared.eventsourcing.event_store import genesis_hash
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.servers import Postgres, ServiceDatabase

# What a copy does not take over: as in ops/postgres/databases.sh.
_COPY = (
    "CREATE DATABASE {copy} TEMPLATE {template} OWNER {owner}",
    "REVOKE ALL ON DATABASE {copy} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {copy} TO {run}",
)


def new_service_database(postgres: Postgres, migrations: Path) -> Database:
    """A copy of one that was made and migrated before, with the same two roles."""
    template, name = _template(postgres, migrations), f"grillo_{secrets.token_hex(6)}"
    names = {"copy": name, "template": template.name, "run": template.name, "owner": f"{template.name}_owner"}
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        for statement in _COPY:
            connection.execute(
                sql.SQL(statement).format(**{word: sql.Identifier(name) for word, name in names.items()})
            )
    database = Database(make_url(template.url).set(database=name))
    _give_an_epoch(database)
    return database


@functools.cache
def _template(postgres: Postgres, migrations: Path) -> ServiceDatabase:
    made = postgres.new_service_database()
    migrate_as_owner(made, migrations)
    return made


def migrated(database: Database, migrations: Path) -> Database:
    """The same database. A SQLite file that is not there yet becomes a copy of one that was migrated before."""
    file = Path(database.name)
    if database.is_sqlite and not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(_migrated_file(migrations))
        _give_an_epoch(database)
    else:
        migrate(database, migrations)
    return database


def service_database(server: Postgres | None, file: Path, migrations: Path) -> Database:
    """A new one with its schema: on the server, or in that SQLite file."""
    return migrated(Database.sqlite(file), migrations) if server is None else new_service_database(server, migrations)


def _give_an_epoch(database: Database) -> None:
    """Another than the log has that was copied: two logs are never one."""
    with database.transaction() as tx:
        if inspect(tx).has_table("log_head"):
            epoch = secrets.token_hex(8)
            values = {"epoch": epoch, "hash": genesis_hash(epoch)}
            tx.execute(text("UPDATE log_head SET epoch = :epoch, hash = :hash"), values)


@functools.cache
def _migrated_file(migrations: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="grillo-schema-") as folder:
        database = Database.sqlite(Path(folder) / "migrated.db")
        migrate(database, migrations)
        database.close()
        return (Path(folder) / "migrated.db").read_bytes()


def migrate_as_owner(made: ServiceDatabase, migrations: Path) -> None:
    owner = Database(made.owner_url)
    migrate(owner, migrations)
    owner.close()
