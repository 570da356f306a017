"""First schema: the follower's checkpoint, grants by digest, and organisations' tiers."""

import sqlalchemy as sa
from alembic import op

from shared.replication.follower_migrations import create_follower_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_follower_v1()
    op.create_table(
        "grant",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("grant_by_digest", "grant", ["digest"], unique=True)
    op.create_table(
        "organisation_tier",
        sa.Column("organisation_id", sa.String(32), primary_key=True),
        sa.Column("tier", sa.String(16), nullable=False),
    )
