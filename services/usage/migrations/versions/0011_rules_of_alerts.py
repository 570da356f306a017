"""Every rule that an alert stands for; the revision of each known key."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("alert", sa.Column("rule_ids", sa.Text))
    op.add_column("known_key", sa.Column("revision", sa.Integer))
