"""Column `requests` of the request log: how many refused requests a row stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("request", sa.Column("requests", sa.Integer, nullable=False, server_default="1"))
