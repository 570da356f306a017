"""Clocks of devices era by era, records that wait for their era, accounts of samples, differing values."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "clock_era",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("era", sa.Integer, primary_key=True),
        sa.Column("stated_hz", sa.Float(53), nullable=False),
        sa.Column("device_hz", sa.Float(53), nullable=False),
        sa.Column("true_hz", sa.Float(53), nullable=False),
    )
    op.create_table(
        "clock_block",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("era", sa.Integer, primary_key=True),
        sa.Column("block", sa.Integer, primary_key=True),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("pieces", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "clock_line",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("era", sa.Integer, primary_key=True),
        sa.Column("block", sa.Integer, primary_key=True),
        sa.Column("knots", sa.LargeBinary, nullable=False),
        sa.Column("uncertainty_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "held_record",
        sa.Column("id", number, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("device_ns", sa.BigInteger, nullable=False),
        sa.Column("cloud_ns", sa.BigInteger, nullable=False),
        sa.Column("rate_hz", sa.Float(53), nullable=False),
        sa.Column("kind", sa.String(1), nullable=False),
        sa.Column("axes", sa.LargeBinary, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("held_us", sa.BigInteger, nullable=False),
    )
    op.create_index("held_record_by_sensor", "held_record", ["sensor_id", "id"])
    op.create_index("held_record_by_time", "held_record", ["held_us"])
    op.create_table(
        "sample_account",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("new", sa.BigInteger, nullable=False),
        sa.Column("repeated", sa.BigInteger, nullable=False),
        sa.Column("differing", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("is_finer", sa.Integer, nullable=False),
    )
    op.create_table(
        "differing",
        sa.Column("id", number, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("axis", sa.String(8), nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("kept_least", sa.Float(53), nullable=False),
        sa.Column("kept_greatest", sa.Float(53), nullable=False),
        sa.Column("offered_least", sa.Float(53), nullable=False),
        sa.Column("offered_greatest", sa.Float(53), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("differing_by_sensor", "differing", ["sensor_id", "id"])
