"""The digest of a key's previous secret, which works until its grace ends."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("grant", sa.Column("previous_digest", sa.String(64)))
    op.create_index("grant_by_previous_digest", "grant", ["previous_digest"])
