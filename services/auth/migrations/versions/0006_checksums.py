"""Checksums of the rows that give or take power: grants, dead secrets, and the follower's checkpoint."""

import sqlalchemy as sa
from alembic import op

from shared.replication.follower_migrations import add_checkpoint_checksum_v2
from shared.values.row_checksum import row_checksum

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    add_checkpoint_checksum_v2()
    _add("grant", ("key_id", "digest", "previous_digest", "body"))
    _add("dead_secret", ("digest", "key_id", "organisation_id", "hint", "why", "at"))


def _add(name: str, columns: tuple[str, ...]) -> None:
    """A checksum of what is there. The first column is the primary key."""
    op.add_column(name, sa.Column("checksum", sa.BigInteger, nullable=True))
    table = sa.table(name, *map(sa.column, (*columns, "checksum")))
    key, connection = table.c[columns[0]], op.get_bind()
    for row in connection.execute(sa.select(*(table.c[column] for column in columns))).all():
        connection.execute(sa.update(table).where(key == row[0]).values(checksum=row_checksum(*row)))
