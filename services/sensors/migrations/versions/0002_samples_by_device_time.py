"""Samples indexed by device time, in rows and sealed files. Recordings of earlier releases are dropped, with a warning.

Their times were estimated file by file, and what they were estimated from is not there any more.
"""

import sqlalchemy as sa
import structlog
from alembic import op

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    samples = op.get_bind().execute(sa.text("SELECT sum(sample_count) FROM block")).scalar_one()
    if samples:
        structlog.get_logger(__name__).warning(
            "recordings_dropped",
            samples=int(samples),
            detail="their times were wrong by up to minutes; import them again: grillo sensors import FILES",
        )
    op.drop_table("block")
    op.drop_table("channel")
    op.create_table(
        "channel",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("axis", sa.String(8), primary_key=True),
        sa.Column("location_code", sa.String(2), nullable=False),
        sa.Column("code", sa.String(3), nullable=False),
        sa.Column("sample_rate_hz", sa.Float(53), nullable=False),
        sa.Column("last_sample_ns", sa.BigInteger, nullable=False),
        sa.Column("sealing_until_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sealed_file",
        sa.Column("id", _number, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("axis", sa.String(8), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("path", sa.String(120), nullable=False, unique=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("superseded_us", sa.BigInteger),
    )
    op.create_index("sealed_file_by_hour", "sealed_file", ["sensor_id", "axis", "hour"])
    op.create_index("sealed_file_superseded", "sealed_file", ["superseded_us"])
    op.create_table(
        "span",
        sa.Column("id", _number, primary_key=True),
        sa.Column("sensor_id", sa.String(32), nullable=False),
        sa.Column("axis", sa.String(8), nullable=False),
        sa.Column("era", sa.Integer, nullable=False),
        sa.Column("device_ns", sa.BigInteger, nullable=False),
        sa.Column("device_end_ns", sa.BigInteger, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("rate_hz", sa.Float(53), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(1), nullable=False),
        sa.Column("crc", sa.BigInteger, nullable=False),
        sa.Column("samples", sa.LargeBinary),
        sa.Column("records", sa.LargeBinary),
        sa.Column("file_id", sa.BigInteger),
    )
    op.create_index("span_by_time", "span", ["sensor_id", "end_ns"])
    op.create_index("span_by_device_time", "span", ["sensor_id", "era", "device_end_ns"])
    op.create_index("span_by_hour", "span", ["sensor_id", "axis", "hour"])
    op.create_table(
        "seal_due",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("axis", sa.String(8), primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("seal_due_by_time", "seal_due", ["since_us"])
    op.create_table(
        "sample_retention",
        sa.Column("organisation_id", sa.String(32), primary_key=True),
        sa.Column("days", sa.Integer, nullable=False),
    )
