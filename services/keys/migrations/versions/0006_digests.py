"""Digests of each key's secrets, by which fences know who asks; for the keys there are, from their events."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_PAGE_ROWS = 5_000


def upgrade() -> None:
    for name in ("digest", "previous_digest"):
        op.add_column("api_key", sa.Column(name, sa.String(64)))
    _fill_in()


def _fill_in() -> None:
    """In the order of the log, as the projection would have done."""
    connection = op.get_bind()
    log = sa.table("log", *map(sa.column, ("position", "stream", "type", "data")))
    page = (
        sa.select(log)
        .where(log.c.type.in_(("KeyCreated", "KeyRotated")), log.c.position > sa.bindparam("after"))
        .order_by(log.c.position)
        .limit(_PAGE_ROWS)
    )
    api_key = sa.table("api_key", *map(sa.column, ("id", "digest", "previous_digest")))
    has_grace = sa.bindparam("has_grace", type_=sa.Boolean)
    # Both values are of the row as it was: the secret before is kept with its grace only.
    put = (
        sa.update(api_key)
        .where(api_key.c.id == sa.bindparam("key_id"))
        .values(previous_digest=sa.case((has_grace, api_key.c.digest)), digest=sa.bindparam("new_digest"))
    )
    position = 0
    while rows := connection.execute(page, {"after": position}).all():
        connection.execute(put, [_secret(row) for row in rows])
        position = rows[-1].position


def _secret(row: sa.Row[Any]) -> dict[str, Any]:
    event = json.loads(row.data)
    return {"key_id": row.stream, "new_digest": event["digest"], "has_grace": event.get("grace_until") is not None}
