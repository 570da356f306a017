"""Columns for rotation, suspension and expiry; labels and search; idempotency keys."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("organisation", sa.Column("unused_expiry_days", sa.Integer))
    for name in ("rotated_at", "grace_until", "suspended_at", "expired_at"):
        op.add_column("api_key", sa.Column(name, sa.String(27)))
    for name in ("sort_name", "search_text"):
        op.add_column("api_key", sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_index("api_key_by_expiry", "api_key", ["expires_at"])
    label = op.create_table(
        "key_label",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("credential", sa.String(32), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("body_digest", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
    )
    _fill_in(label)


def _fill_in(label: sa.Table) -> None:
    """For the keys there are already."""
    columns = ("id", "name", "description", "labels", "sort_name", "search_text")
    api_key = sa.table("api_key", *map(sa.column, columns))
    connection = op.get_bind()
    for key in connection.execute(sa.select(api_key)).all():
        folded = {
            "sort_name": key.name.casefold(),
            "search_text": f"{key.name}\n{key.description}".casefold(),
        }
        connection.execute(sa.update(api_key).where(api_key.c.id == key.id).values(folded))
        for name, value in json.loads(key.labels).items():
            connection.execute(sa.insert(label).values(key_id=key.id, name=name, value=value))
