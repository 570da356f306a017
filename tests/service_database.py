"""A service's database on PostgreSQL as production has it: migrated by its owner, opened by the role that runs."""

from pathlib import Path

from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.servers import Postgres, ServiceDatabase


def new_service_database(postgres: Postgres, migrations: Path) -> Database:
    made = postgres.new_service_database()
    migrate_as_owner(made, migrations)
    return Database(made.url)


def migrate_as_owner(made: ServiceDatabase, migrations: Path) -> None:
    owner = Database(made.owner_url)
    migrate(owner, migrations)
    owner.close()
