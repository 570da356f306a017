"""Counters by network, and the network of each request; of requests before this it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("request", sa.Column("network_id", sa.String(32)))
    for name in ("network_counter", "network_counter_hour"):
        op.create_table(
            name,
            sa.Column("key_id", sa.String(32), primary_key=True),
            sa.Column("minute", sa.BigInteger, primary_key=True),
            sa.Column("network_id", sa.String(32), primary_key=True),
            sa.Column("requests", sa.BigInteger, nullable=False),
        )
        op.create_index(f"{name}_by_time", name, ["minute"])
