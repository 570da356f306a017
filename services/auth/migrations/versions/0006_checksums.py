"""Checksums of the rows that give power: grants, and the follower's checkpoint."""

import sqlalchemy as sa
from alembic import op

from shared.replication.follower_migrations import add_checkpoint_checksum_v2
from shared.values.row_checksum import row_checksum

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    add_checkpoint_checksum_v2()
    op.add_column("grant", sa.Column("checksum", sa.BigInteger, nullable=True))
    grant = sa.table("grant", *map(sa.column, ("key_id", "digest", "previous_digest", "body", "checksum")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(grant)).all():
        checksum = row_checksum(row.key_id, row.digest, row.previous_digest, row.body)
        connection.execute(sa.update(grant).where(grant.c.key_id == row.key_id).values(checksum=checksum))
