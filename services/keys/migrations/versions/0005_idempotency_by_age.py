"""Index of idempotency keys by age.

Each creation deletes those older than a day, and finds them without reading those of that day.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
