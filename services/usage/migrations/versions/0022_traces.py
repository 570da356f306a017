"""The trace that a delivery's cause belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("traceparent", sa.String(55)))
