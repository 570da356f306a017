"""Tables of a follower, as Alembic scripts create them. Never changed once released."""

import sqlalchemy as sa
from alembic import op


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
