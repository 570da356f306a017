"""Heads of the log of keys that this follower has seen, kept whatever becomes of the checkpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "kept_head",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.Column("signer", sa.String(43), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
        sa.Column("is_final", sa.Boolean, nullable=False),
    )
