"""The secret before a rotation: its hint, from the events, and when it was used last, which was not kept so far."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_PAGE_ROWS = 5_000


def upgrade() -> None:
    op.add_column("api_key", sa.Column("previous_hint", sa.String(16)))
    op.add_column("api_key", sa.Column("previous_used_at", sa.String(27)))
    connection = op.get_bind()
    log = sa.table("log", *map(sa.column, ("position", "stream", "type", "data")))
    page = (
        sa.select(log)
        .where(log.c.type.in_(("KeyCreated", "KeyRotated")), log.c.position > sa.bindparam("after"))
        .order_by(log.c.position)
        .limit(_PAGE_ROWS)
    )
    api_key = sa.table("api_key", *map(sa.column, ("id", "previous_digest", "previous_hint")))
    put = (
        sa.update(api_key)
        .where(api_key.c.id == sa.bindparam("key_id"), api_key.c.previous_digest == sa.bindparam("of_digest"))
        .values(previous_hint=sa.bindparam("its_hint"))
    )
    position = 0
    while rows := connection.execute(page, {"after": position}).all():
        events = [(row.stream, json.loads(row.data)) for row in rows]
        connection.execute(
            put,
            [{"key_id": stream, "of_digest": event["digest"], "its_hint": event["hint"]} for stream, event in events],
        )
        position = rows[-1].position
