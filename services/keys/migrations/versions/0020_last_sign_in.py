"""When people signed in last, and when they were last refused; and indexes for the orders of the list of keys."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    for name in ("signed_in_at", "refused_at"):
        op.add_column("console_person", sa.Column(name, sa.String(27)))
    # What is known of it: the sessions that are still there.
    op.execute(
        "UPDATE console_person SET signed_in_at = (SELECT MAX(signed_in_at) FROM console_session"
        " WHERE console_session.person_id = console_person.id)"
    )
    op.create_index("api_key_by_name", "api_key", ["organisation_id", "sort_name", "id"])
    orders = {"api_key_by_last_use": "coalesce(last_used_at, '')", "api_key_by_end": "coalesce(expires_at, 'never')"}
    for name, moment in orders.items():
        op.create_index(name, "api_key", ["organisation_id", sa.text(moment), "id"])
    moments = ("revoked_at", "suspended_at", "expired_at", "expires_at")
    op.create_index("api_key_active", "api_key", ["organisation_id", *moments])
