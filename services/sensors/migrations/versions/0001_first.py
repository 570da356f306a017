"""The first schema."""

import sqlalchemy as sa
from alembic import op

from shared.eventsourcing.log_migrations import create_log_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_log_v1()
    op.create_table(
        "sensor",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("network", sa.String(2), nullable=False),
        sa.Column("station", sa.String(5), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("elevation_m", sa.Float),
        sa.Column("unit", sa.String(16), nullable=False),
    )
    op.create_index("sensor_by_organisation", "sensor", ["organisation_id", "id"])
    op.create_table(
        "channel",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("location_code", sa.String(2), primary_key=True),
        sa.Column("code", sa.String(3), primary_key=True),
        sa.Column("sample_rate_hz", sa.Float, nullable=False),
        sa.Column("last_sample_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "block",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("location_code", sa.String(2), nullable=False),
        sa.Column("channel", sa.String(3), nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("sample_rate_hz", sa.Float, nullable=False),
        sa.Column("sample_count", sa.Integer, nullable=False),
        sa.Column("miniseed", sa.LargeBinary, nullable=False),
    )
    op.create_index("block_by_time", "block", ["sensor_id", "channel", "end_ns"])
