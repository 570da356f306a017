"""Of which epoch the place is that a follower has said to hold; none where a release before wrote it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("follower_place", sa.Column("epoch", sa.String(32), nullable=True))
