"""Schemas of earlier releases, for tests of migrations: takes back what later migrations do."""

from sqlalchemy import Connection, text


def before_conditions(tx: Connection) -> None:
    """As before migration 0011: idempotency keys of creations alone, organisations without revision and lifetimes."""
    columns = ("credential", "idempotency_key", "body_digest", "key_id", "created_at")
    tx.execute(text("DROP TABLE idempotency"))
    tx.execute(text(f"CREATE TABLE idempotency ({', '.join(f'{name} VARCHAR(255) NOT NULL' for name in columns)})"))
    for name in ("revision", "lifetime_max_days", "lifetime_default_days"):
        tx.execute(text(f"ALTER TABLE organisation DROP COLUMN {name}"))
