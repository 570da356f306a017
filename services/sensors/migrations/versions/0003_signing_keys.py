"""The public halves of the keys that sign heads of the log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column("public_key", sa.String(44), nullable=False),
        sa.Column("first_used_at", sa.String(27), nullable=False),
    )
