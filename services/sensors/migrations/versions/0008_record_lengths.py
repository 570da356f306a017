"""Records of a sealed file may be shorter than 4,096 bytes: each file says how long its own are."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("sealed_file", sa.Column("record_bytes", sa.Integer, nullable=False, server_default="4096"))
