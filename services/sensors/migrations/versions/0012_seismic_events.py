"""Seismic events of imported catalogues, and what became of imports."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "seismic_event",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("network_id", sa.String(32)),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("public_id", sa.Text, nullable=False),
        sa.Column("origin_us", sa.BigInteger, nullable=False),
        sa.Column("latitude", sa.Float(53), nullable=False),
        sa.Column("longitude", sa.Float(53), nullable=False),
        sa.Column("magnitude", sa.Float(53)),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("said_us", sa.BigInteger),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.Integer, nullable=False),
    )
    op.create_index("seismic_event_by_time", "seismic_event", ["organisation_id", "origin_us", "id"])
    op.create_table(
        "catalogue_account",
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("events", sa.BigInteger, nullable=False),
    )
