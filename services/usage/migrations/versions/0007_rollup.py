"""Up to which minute the counters by hour hold what those by minute do. So far both were written together."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("rolled_up", sa.Column("before", sa.BigInteger, primary_key=True, autoincrement=False))
    op.execute("INSERT INTO rolled_up (before) SELECT coalesce(max(minute) + 1, 0) FROM counter")
