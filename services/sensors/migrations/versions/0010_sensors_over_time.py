"""Sensors over time: epochs, configuration, health, latency of arrivals, network codes of organisations."""

import sqlalchemy as sa
from alembic import op

from shared.values.timestamps import from_rfc3339, to_microseconds

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for column in (
        sa.Column("site_name", sa.Text),
        sa.Column("serial_number", sa.Text),
        sa.Column("firmware_version", sa.Text),
        sa.Column("created_us", sa.BigInteger),
        sa.Column("configuration", sa.Text, nullable=False, server_default="{}"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    ):
        op.add_column("sensor", column)
    _note_when_they_were_created()
    op.create_table(
        "sensor_epoch",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("axis", sa.String(8), primary_key=True),
        sa.Column("from_ns", sa.BigInteger, primary_key=True),
        sa.Column("to_ns", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "sensor_health",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("measured_us", sa.BigInteger, nullable=False),
        sa.Column("latency_hour_ms", sa.Float(53)),
        sa.Column("latency_day_ms", sa.Float(53)),
        sa.Column("completeness_hour", sa.Float(53)),
        sa.Column("completeness_day", sa.Float(53)),
        sa.Column("uncertainty_ms", sa.Float(53)),
    )
    op.create_table(
        "sensor_latency",
        sa.Column("sensor_id", sa.String(32), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True),
        sa.Column("arrivals", sa.BigInteger, nullable=False),
        sa.Column("late_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("sensor_latency_by_slot", "sensor_latency", ["slot"])
    op.create_table(
        "network_code",
        sa.Column("organisation_id", sa.String(32), primary_key=True),
        sa.Column("code", sa.String(2), nullable=False),
    )


def _note_when_they_were_created() -> None:
    """From the log, which has it for all of them."""
    tx = op.get_bind()
    registered = "SELECT stream, recorded_at FROM log WHERE type = 'SensorRegistered' ORDER BY position"
    rows = [
        {"this_id": stream, "created_us": to_microseconds(from_rfc3339(recorded_at))}
        for stream, recorded_at in tx.execute(sa.text(registered))
    ]
    if rows:
        tx.execute(sa.text("UPDATE sensor SET created_us = :created_us WHERE id = :this_id"), rows)
