"""Limits that an organisation has by contract, as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("organisation_tier", sa.Column("contract", sa.Text))
