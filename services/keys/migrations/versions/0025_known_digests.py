"""The digest of each secret that there ever was, for imports, which fill it from the log."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table("known_digest", sa.Column("digest", sa.String(64), primary_key=True))
    op.create_table(
        "known_digest_place",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
