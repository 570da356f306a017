"""Address and route of a key's last use; and the deleted keys, by id and hint."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("last_used_address", sa.String(45)))
    op.add_column("api_key", sa.Column("last_used_route", sa.String(100)))
    table = op.create_table(
        "deleted_key",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
    )
    op.create_index("deleted_key_by_organisation", "deleted_key", ["organisation_id"])
    op.bulk_insert(table, _deleted())


def _deleted() -> list[dict[str, Any]]:
    """Those that the log tells of already; the hint is that of the last secret."""
    log = sa.table("log", *map(sa.column, ("position", "stream", "type", "data")))
    of_deleted = sa.select(log.c.stream).where(log.c.type == "KeyDeleted")
    rows = sa.select(log.c.stream, log.c.data).where(
        log.c.stream.in_(of_deleted), log.c.type.in_(("KeyCreated", "KeyRotated"))
    )
    found: dict[str, dict[str, Any]] = {}
    for stream, data in op.get_bind().execute(rows.order_by(log.c.position)):
        event = json.loads(data)
        found[stream] = {"id": stream, "organisation_id": event["organisation_id"], "hint": event["hint"]}
    return list(found.values())
