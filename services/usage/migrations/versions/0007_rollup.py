"""Roll-up mark: up to which minute the counters by hour hold those by minute. So far both were written together.

A worker of the previous release may still run and write both, so the mark is set a day ahead.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_DAY_MINUTES = 1440


def upgrade() -> None:
    op.create_table("rolled_up", sa.Column("before", sa.BigInteger, primary_key=True, autoincrement=False))
    connection = op.get_bind()
    newest = connection.execute(sa.text("SELECT max(minute) FROM counter")).scalar_one()
    before = 0 if newest is None else max(newest, int(time.time()) // 60) + _DAY_MINUTES
    connection.execute(sa.text("INSERT INTO rolled_up (before) VALUES (:before)"), {"before": before})
    if connection.dialect.name == "postgresql":
        # One minute at a time is looked for now; BRIN knows only where it may be, in less and less order.
        for name in ("counter", "organisation_counter"):
            op.drop_index(f"{name}_by_time")
            op.create_index(f"{name}_by_time", name, ["minute"])
