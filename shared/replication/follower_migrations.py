"""Tables of a follower, as Alembic scripts create them. Never changed once released."""

import sqlalchemy as sa
from alembic import op

from shared.values.row_checksum import row_checksum


def create_follower_v1() -> None:
    """`checkpoint` and `parked_event`."""
    op.create_table(
        "checkpoint",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "parked_event",
        sa.Column("follower", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.String(27), nullable=True),
        sa.Column("error", sa.String(500), nullable=False),
    )


def add_checkpoint_checksum_v2() -> None:
    """`checkpoint.checksum`, of what is there."""
    op.add_column("checkpoint", sa.Column("checksum", sa.BigInteger, nullable=True))
    table = sa.table("checkpoint", *map(sa.column, ("follower", "epoch", "position", "hash", "checksum")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(table)).all():
        checksum = row_checksum(row.follower, row.epoch, row.position, row.hash)
        connection.execute(sa.update(table).where(table.c.follower == row.follower).values(checksum=checksum))


def add_offered_v3() -> None:
    """`kept_head.offered`."""
    op.add_column("kept_head", sa.Column("offered", sa.BigInteger, nullable=True))
