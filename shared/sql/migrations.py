"""Schema migrations: the Alembic scripts in a service's `migrations`, applied in one transaction at its start."""

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from shared.sql.database import Database

_MIGRATION_LOCK = 0x6772696C6C6F


class SchemaIsNewer(Exception):
    """The database was migrated by a newer version of grillo."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"its schema is at revision {revision}, unknown to this version of grillo; run a newer one")


def migrate(database: Database, folder: Path) -> None:
    """Applies the migrations that are missing, in one transaction. Raises SchemaIsNewer."""
    scripts = ScriptDirectory(str(folder))
    known = {script.revision for script in scripts.walk_revisions()}
    with database.transaction() as connection:
        if connection.dialect.name == "postgresql":
            # A service's processes start together; one migrates, the others wait and find it done.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        context = MigrationContext.configure(
            connection,
            opts={"fn": lambda revision, _context: scripts._upgrade_revs("head", revision), "target_metadata": None},
        )
        current = context.get_current_revision()
        if current is not None and current not in known:
            raise SchemaIsNewer(current)
        if current != scripts.get_current_head():
            with Operations.context(context):
                context.run_migrations()
