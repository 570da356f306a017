"""Whose each spool segment is: the account that first sent it, and who sent a batch that is parked."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "segment_account",
        sa.Column("segment", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(64), nullable=False),
    )
    op.add_column("parked_batch", sa.Column("account", sa.String(64)))
