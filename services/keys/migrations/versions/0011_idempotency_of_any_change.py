"""Idempotency keys of any change, by a digest of who asked for what; and the revision of an organisation.

What was kept of creations stays found: who repeats one over the upgrade makes no second key.
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    columns = ("credential", "idempotency_key", "body_digest", "key_id", "created_at")
    old = sa.table("idempotency", *map(sa.column, columns))
    rows = op.get_bind().execute(sa.select(old)).all()
    op.drop_table("idempotency")
    table = op.create_table(
        "idempotency",
        sa.Column("attempt", sa.String(64), primary_key=True),
        sa.Column("body_digest", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
    )
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
    if kept := [_kept(row) for row in rows]:
        op.bulk_insert(table, kept)
    op.add_column("organisation", sa.Column("revision", sa.Integer, nullable=False, server_default="1"))
    op.execute(
        "UPDATE organisation SET revision ="
        " COALESCE((SELECT MAX(log.version) FROM log WHERE log.stream = organisation.id), 1)"
    )


def _kept(row: sa.Row[tuple[str, str, str, str, str]]) -> dict[str, str]:
    """As shared/web/conditions/idempotency.py digests an attempt. The body's digest was of the body alone."""
    target = json.dumps([row.credential, "POST", "/v1/keys", row.idempotency_key], separators=(",", ":"))
    attempt = hashlib.sha256(target.encode()).hexdigest()
    return {
        "attempt": attempt,
        "body_digest": row.body_digest,
        "subject": row.key_id,
        "created_at": row.created_at,
    }
