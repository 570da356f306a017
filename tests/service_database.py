"""A service's database with its schema: on SQLite, whose migrations run once for all tests of a process, and on
PostgreSQL as production has it, migrated by its owner and opened by the role that runs.
"""

import functools
import tempfile
from pathlib import Path

from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.servers import Postgres, ServiceDatabase


def new_service_database(postgres: Postgres, migrations: Path) -> Database:
    made = postgres.new_service_database()
    migrate_as_owner(made, migrations)
    return Database(made.url)


def migrated(database: Database, migrations: Path) -> Database:
    """The same database. A SQLite file that is not there yet becomes a copy of one that was migrated before."""
    file = Path(database.name)
    if database.is_sqlite and not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(_migrated_file(migrations))
    else:
        migrate(database, migrations)
    return database


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
