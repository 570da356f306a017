"""Tables of the event log, as Alembic scripts create them. Never changed once released."""

import secrets

import sqlalchemy as sa
from alembic import op

from shared.eventsourcing.event_store import genesis_hash


def create_log_v1() -> None:
    """`log`, `log_head` with a fresh epoch, and `relay_cursor`."""
    op.create_table(
        "log",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(27), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("stream", "version", name="log_stream_version"),
    )
    head = op.create_table(
        "log_head",
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    epoch = secrets.token_hex(8)
    op.bulk_insert(head, [{"epoch": epoch, "position": 0, "hash": genesis_hash(epoch)}])
    cursor = op.create_table(
        "relay_cursor",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(cursor, [{"name": "bus", "position": 0}])


def add_restores_v2() -> None:
    """`log_epoch`; and in `log_head` the present epoch, and what showed that the log was put back."""
    op.add_column("log_head", sa.Column("present_epoch", sa.String(32)))
    op.add_column("log_head", sa.Column("divergence", sa.Text))
    op.create_table(
        "log_epoch",
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("from_position", sa.BigInteger, nullable=False),
    )
