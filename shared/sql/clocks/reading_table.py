"""Table of clock_watch.py, as Alembic scripts make it. Never changed once released."""

import sqlalchemy as sa
from alembic import op


def create_clock_reading_v1() -> None:
    op.create_table(
        "clock_reading",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("boot", sa.String(64), nullable=False),
        sa.Column("wall_us", sa.BigInteger, nullable=False),
        sa.Column("elapsed_us", sa.BigInteger, nullable=False),
        sa.Column("doubted_boot", sa.String(64)),
        sa.Column("doubted_wall_us", sa.BigInteger),
        sa.Column("doubted_elapsed_us", sa.BigInteger),
        sa.Column("ran_us", sa.BigInteger, nullable=False),
    )


def add_first_readings_v1() -> None:
    for name in ("firsts", "doubted_firsts"):
        op.add_column("clock_reading", sa.Column(name, sa.Text))
