"""Limits that an organisation has by contract, as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("organisation", sa.Column("contract", sa.Text))
