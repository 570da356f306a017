"""First schema: event log, organisations, keys, data keys and gates' positions."""

import sqlalchemy as sa
from alembic import op

from shared.eventsourcing.log_migrations import create_log_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_log_v1()
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("registered_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.String(27)),
        sa.Column("allow_query", sa.Boolean, nullable=False),
        sa.Column("allowed_addresses", sa.Text, nullable=False),
        sa.Column("minute_limit", sa.Integer),
        sa.Column("day_limit", sa.Integer),
        sa.Column("revoked_at", sa.String(27)),
        sa.Column("revocation_reason", sa.String(32)),
        sa.Column("last_used_at", sa.String(27)),
    )
    op.create_index("api_key_by_creation", "api_key", ["organisation_id", "created_at", "id"])
    op.create_table(
        "data_key",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "gate",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
