"""Types of devices. What was stated before says nothing of them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("sensor", sa.Column("device_type", sa.String(16)))
