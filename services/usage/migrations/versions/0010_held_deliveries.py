"""Names of channels, and an index of the deliveries that are held for disabled ones."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("channel", sa.Column("name", sa.String(100)))
    is_held = sa.text("status = 'held'")
    op.create_index(
        "delivery_held", "delivery", ["channel_id", "created_at"], sqlite_where=is_held, postgresql_where=is_held
    )
