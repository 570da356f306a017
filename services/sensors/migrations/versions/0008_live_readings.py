"""Live readings: accounts of those that send them, rejections by reason; records of a sealed file may be shorter."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("sealed_file", sa.Column("record_bytes", sa.Integer, nullable=False, server_default="4096"))
    op.add_column("held_record", sa.Column("sender", sa.String(64), nullable=True))
    op.create_table(
        "sender_account",
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("new", sa.BigInteger, nullable=False),
        sa.Column("repeated", sa.BigInteger, nullable=False),
        sa.Column("differing", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sample_rejection",
        sa.Column("reason", sa.String(32), primary_key=True),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
    )
