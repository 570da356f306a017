"""Indexes for questions about one organisation's keys and one channel's deliveries, beside many of others."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("known_key_by_organisation", "known_key", ["organisation_id"])
    op.create_index("delivery_by_channel", "delivery", ["channel_id", "due_at"])
