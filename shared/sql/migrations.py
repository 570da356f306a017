"""Schema migrations: the Alembic scripts in a service's `migrations`, applied in one transaction.

By the role that owns the tables: `grillo migrate`, or the service itself where it owns them. Others only check.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from shared.sql.advisory_lock import take_advisory_lock
from shared.sql.database import Database
from shared.sql.rights import grant_rights, may_migrate

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

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
    """Applies the migrations that are missing, in one transaction. Raises SchemaIsNewer, SchemaIsOlder or DiskFull."""
    known = _revisions(folder)
    with database.transaction(unlimited=True, urgent=True) as connection:
        # A service's processes start together; one migrates, the others wait and find it done.
        take_advisory_lock(connection, _MIGRATION_LOCK)
        current = _current_revision(connection)
        if current is not None and current not in known:
            raise SchemaIsNewer(current)
        if current != known[-1]:
            if not may_migrate(connection):
                raise SchemaIsOlder(current, known[-1])
            database.check_room()  # the start of an up-to-date one writes nothing, and keys are to be ended after it
            _apply(connection, folder)
        if connection.dialect.name == "postgresql":
            grant_rights(connection)


def is_current(database: Database, folder: Path) -> bool:
    """Whether the schema is this release's."""
    with database.reading() as tx:
        return _current_revision(tx) == _revisions(folder)[-1]


def _apply(connection: Connection, folder: Path) -> None:
    # Here and not above: most starts find the schema as it should be, and Alembic is a tenth of their time.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    scripts = _scripts(folder)
    context = MigrationContext.configure(
        connection,
        opts={"fn": lambda revision, _context: scripts._upgrade_revs("head", revision), "target_metadata": None},
    )
    with Operations.context(context):
        context.run_migrations()


def _current_revision(tx: Connection) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    revision: str | None = tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def _revisions(folder: Path) -> list[str]:
    """Of its scripts, from the oldest; their files are named after them."""
    return sorted(script.name.partition("_")[0] for script in (folder / "versions").glob("[0-9]*.py"))


@functools.cache
def _scripts(folder: Path) -> "ScriptDirectory":
    """They are code: read once in a process."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder))
