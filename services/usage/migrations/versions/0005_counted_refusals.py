"""How many requests a row stands for: refused ones may have been counted together."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("request", sa.Column("requests", sa.Integer, nullable=False, server_default="1"))
