"""Networks, the network of each sensor, and what was changed by Idempotency-Key.

Sensors that are there already get a network from the service's start (networks/adoption.py), so that the log says it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "network",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("api_access", sa.Boolean, nullable=False),
        sa.Column("accepts_new", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("detection", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("network_by_organisation", "network", ["organisation_id", "created_at", "id"])
    op.add_column("sensor", sa.Column("network_id", sa.String(32)))
    op.create_index("sensor_by_network", "sensor", ["network_id", "id"])
    op.create_table(
        "idempotency",
        sa.Column("attempt", sa.String(64), primary_key=True),
        sa.Column("body_digest", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
    )
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
