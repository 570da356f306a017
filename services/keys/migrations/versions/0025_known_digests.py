"""The digest of each secret that there ever was, from the log."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
_PAGE_ROWS = 5_000


def upgrade() -> None:
    known = op.create_table("known_digest", sa.Column("digest", sa.String(64), primary_key=True))
    connection, position = op.get_bind(), 0
    query = sa.text("SELECT position, type, data FROM log WHERE position > :position ORDER BY position LIMIT :rows")
    while rows := connection.execute(query, {"position": position, "rows": _PAGE_ROWS}).all():
        position = rows[-1].position
        digests = {json.loads(row.data)["digest"] for row in rows if row.type in ("KeyCreated", "KeyRotated")}
        if digests:
            connection.execute(sa.insert(known), [{"digest": digest} for digest in sorted(digests)])
