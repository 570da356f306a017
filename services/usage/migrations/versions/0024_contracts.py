"""Limits that an organisation has by contract, as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("known_organisation", sa.Column("contract", sa.Text))
