"""Tables of alerts, and of deleted keys whose callers are erased."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("period", sa.String(27), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("raised_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("kind", "key_id", "period", name="alert_once"),
    )
    op.create_index("alert_by_organisation", "alert", ["organisation_id", "raised_at"])
    op.create_table("erased_key", sa.Column("key_id", sa.String(32), primary_key=True))
