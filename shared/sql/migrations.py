"""Brings a service's database to the newest schema, by the Alembic scripts in its `migrations` folder.

The tables that shared declares are created by the versioned functions here; like any migration they are
history, and never change once released.
"""

import secrets
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from shared.eventsourcing.event_store import genesis_hash
from shared.sql.database import Database

_MIGRATION_LOCK = 0x6772696C6C6F


class SchemaIsNewer(Exception):
    def __init__(self, revision: str) -> None:
        super().__init__(f"its schema is at revision {revision}, which this version of grillo does not know")


def migrate(database: Database, folder: Path) -> None:
    """Applies what is missing, in one transaction. Raises SchemaIsNewer."""
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


def create_log_v1() -> None:
    """`log`, `log_head` with a fresh epoch, and `relay_cursor`."""
    op.create_table(
        "log",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(27), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("stream", "version", name="log_stream_version"),
    )
    head = op.create_table(
        "log_head",
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    epoch = secrets.token_hex(8)
    op.bulk_insert(head, [{"epoch": epoch, "position": 0, "hash": genesis_hash(epoch)}])
    cursor = op.create_table(
        "relay_cursor",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(cursor, [{"name": "bus", "position": 0}])


def create_follower_v1() -> None:
    """`checkpoint` and `parked_event`."""
    op.create_table(
        "checkpoint",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "parked_event",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.String(27), nullable=True),
        sa.Column("error", sa.String(500), nullable=False),
    )
