"""Requests by network of each organisation, so that they are not summed up over all its keys."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("network_counter", "network_counter_hour"):
        owned = f"organisation_{name}"
        op.create_table(
            owned,
            sa.Column("organisation_id", sa.String(32), primary_key=True),
            sa.Column("minute", sa.BigInteger, primary_key=True),
            sa.Column("network_id", sa.String(32), primary_key=True),
            sa.Column("requests", sa.BigInteger, nullable=False),
        )
        op.create_index(f"{owned}_by_time", owned, ["minute"])
        # A deleted key's organisation is not known any more.
        op.execute(
            f"INSERT INTO {owned} (organisation_id, minute, network_id, requests)"  # noqa: S608  ours
            f" SELECT organisation_id, minute, network_id, SUM(requests) FROM {name} JOIN known_key USING (key_id)"
            " GROUP BY 1, 2, 3"
        )
