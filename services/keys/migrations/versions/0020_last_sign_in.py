"""When people signed in last, and when they were last refused: lists of keys tell by whom nobody is behind any more."""

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
