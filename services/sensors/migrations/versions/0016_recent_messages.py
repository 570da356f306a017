"""Digests of the newest messages that say nothing of their time."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "recent_message",
        sa.Column("id", _number, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.create_index("recent_message_by_sensor", "recent_message", ["sensor_id", "id"])
