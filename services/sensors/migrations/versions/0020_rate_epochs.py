"""Rates of eras by epochs, and what windows of device time tell of them. What is sealed keeps its rate until then."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("clock_era", sa.Column("epochs", sa.Text))
    op.create_table(
        "clock_window",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("era", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("from_ns", sa.BigInteger, nullable=False),
        sa.Column("true_hz", sa.Float(53), nullable=False),
        sa.Column("doubt", sa.Float(53), nullable=False),
        sa.Column("crc", sa.BigInteger, nullable=False),
    )
