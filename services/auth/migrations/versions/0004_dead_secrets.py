"""Dead secrets, which no reset touches. The log of keys is followed once more from its beginning, to learn them.

What was seen of the log so far stays for audits. Until its head is reached again, no grants are given to gates.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
_FOLLOWER = "auth.grants"


def upgrade() -> None:
    op.create_table(
        "dead_secret",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("hint", sa.String(16)),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
    )
    op.create_index("dead_secret_by_key", "dead_secret", ["key_id"])
    op.create_table("follows_anew", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    checkpoint = sa.table("checkpoint", *map(sa.column, ("follower", "epoch", "position", "hash")))
    connection = op.get_bind()
    place = connection.execute(sa.select(checkpoint).where(checkpoint.c.follower == _FOLLOWER)).one_or_none()
    if place is None:
        return
    names = ("follower", "epoch", "position", "hash", "seen_at", "signer", "signature", "is_final")
    kept = sa.table("kept_head", *map(sa.column, names))
    is_this = [kept.c[name] == getattr(place, name) for name in ("follower", "epoch", "position", "hash")]
    if connection.execute(sa.select(kept.c.follower).where(*is_this)).first() is None:
        seen_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        row = dict(place._mapping) | {"seen_at": seen_at, "signer": "", "signature": "", "is_final": True}
        connection.execute(sa.insert(kept).values(row))
    connection.execute(sa.insert(sa.table("follows_anew", sa.column("id"))).values(id=1))
    for name in ("checkpoint", "parked_event"):
        table = sa.table(name, sa.column("follower"))
        connection.execute(sa.delete(table).where(table.c.follower == _FOLLOWER))
    connection.execute(sa.delete(sa.table("grant")))
