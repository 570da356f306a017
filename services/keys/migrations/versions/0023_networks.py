"""Networks that a key is bound to; those there are open all."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("networks", sa.Text))
