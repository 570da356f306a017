"""Which key made or renewed which others: what a revocation tells of; for the keys there are, from their events."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_PAGE_ROWS = 5_000


def upgrade() -> None:
    table = op.create_table(
        "making",
        sa.Column("maker_id", sa.String(32), primary_key=True),
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("is_renewal", sa.Boolean, primary_key=True),
        sa.Column("first_position", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
    )
    op.create_index("making_by_time", "making", ["maker_id", "at"])
    if makings := _makings():
        op.bulk_insert(table, makings)


def _makings() -> list[dict[str, Any]]:
    """In the order of the log: a row for each two keys, with the first of their events and the latest."""
    connection = op.get_bind()
    log = sa.table("log", *map(sa.column, ("position", "stream", "type", "metadata", "recorded_at")))
    page = (
        sa.select(log)
        .where(log.c.type.in_(("KeyCreated", "KeyRotated")), log.c.position > sa.bindparam("after"))
        .order_by(log.c.position)
        .limit(_PAGE_ROWS)
    )
    found: dict[tuple[str, str, bool], dict[str, Any]] = {}
    position = 0
    while rows := connection.execute(page, {"after": position}).all():
        for row in rows:
            actor = json.loads(row.metadata)["actor"]
            if actor.startswith("key_") and actor != row.stream:
                pair = actor, row.stream, row.type == "KeyRotated"
                names = dict(zip(("maker_id", "key_id", "is_renewal"), pair, strict=True))
                known = found.setdefault(pair, names | {"first_position": row.position})
                known |= {"position": row.position, "at": row.recorded_at}
        position = rows[-1].position
    return list(found.values())
