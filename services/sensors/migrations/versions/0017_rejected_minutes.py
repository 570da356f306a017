"""Minutes of which samples came and were rejected. Of those before, nothing is known."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "rejected_minutes",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("axis", sa.String(8), primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True),
        sa.Column("minutes", sa.BigInteger, nullable=False),
    )
