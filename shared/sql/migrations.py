"""Schema migrations: the Alembic scripts in a service's `migrations`, applied in one transaction.

By the role that owns the tables: `grillo migrate`, or the service itself where it owns them. Others only check.
"""

import functools
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from shared.sql.advisory_lock import take_advisory_lock
from shared.sql.database import Database
from shared.sql.rights import grant_rights, may_migrate

_MIGRATION_LOCK = 0x6772696C6C6F


class SchemaIsNewer(Exception):
    """The database was migrated by a newer version of grillo."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"its schema is at revision {revision}, unknown to this version of grillo; run a newer one")


class SchemaIsOlder(Exception):
    """The schema lacks migrations, and this role may not apply them."""

    def __init__(self, revision: str | None, needed: str | None) -> None:
        found = "it has no schema yet" if revision is None else f"its schema is at revision {revision}"
        super().__init__(
            f"{found}, this version of grillo needs {needed}, and this role may not migrate it; "
            "run `grillo migrate` as its owner first"
        )


def migrate(database: Database, folder: Path) -> None:
    """Applies the migrations that are missing, in one transaction. Raises SchemaIsNewer or SchemaIsOlder."""
    scripts = _scripts(folder)
    known = {script.revision for script in scripts.walk_revisions()}
    with database.transaction(unlimited=True) as connection:
        # A service's processes start together; one migrates, the others wait and find it done.
        take_advisory_lock(connection, _MIGRATION_LOCK)
        context = MigrationContext.configure(
            connection,
            opts={"fn": lambda revision, _context: scripts._upgrade_revs("head", revision), "target_metadata": None},
        )
        current = context.get_current_revision()
        if current is not None and current not in known:
            raise SchemaIsNewer(current)
        if current != scripts.get_current_head():
            if not may_migrate(connection):
                raise SchemaIsOlder(current, scripts.get_current_head())
            with Operations.context(context):
                context.run_migrations()
        if connection.dialect.name == "postgresql":
            grant_rights(connection)


@functools.cache
def _scripts(folder: Path) -> ScriptDirectory:
    """They are code: read once in a process."""
    return ScriptDirectory(str(folder))
