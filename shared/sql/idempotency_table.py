"""Table of what was changed by Idempotency-Key (shared/web/conditions/idempotency.py); each service has one."""

from collections.abc import Callable

from sqlalchemy import Column, Connection, Index, MetaData, String, Table, Text

# To call in the transaction of a change, with the id of what it changes.
Keep = Callable[[Connection, str], None]


def idempotency_table(metadata: MetaData) -> Table:
    """A service's own. `subject`: the id of what was changed, or several with a space between."""
    return Table(
        "idempotency",
        metadata,
        Column("attempt", String(64), primary_key=True),
        Column("body_digest", String(64), nullable=False),
        Column("subject", Text, nullable=False),
        Column("created_at", String(27), nullable=False),
        Index("idempotency_by_age", "created_at"),
    )
