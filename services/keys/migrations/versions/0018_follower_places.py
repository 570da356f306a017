"""How far followers have said to be on their own disks."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "follower_place",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("signed_at", sa.String(27), nullable=False),
        sa.Column("lost_from", sa.String(27), nullable=True),
        sa.Column("lost_until", sa.String(27), nullable=True),
    )
