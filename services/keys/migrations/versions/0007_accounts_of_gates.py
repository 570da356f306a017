"""The account that first spoke for a gate: nobody else may acknowledge in its name, or remove its row."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Rows that are there already belong to the account that speaks for them next: within a second, if they live."""
    op.add_column("gate", sa.Column("account", sa.String(32)))
