"""Sign-in by an issuer: whom it knows people as, sign-ins that it has not sent back yet, and people's time zones."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("console_person", sa.Column("issuer", sa.Text))
    op.add_column("console_person", sa.Column("subject", sa.Text))
    op.add_column("console_person", sa.Column("time_zone", sa.String(64)))
    op.create_index("console_person_by_subject", "console_person", ["issuer", "subject"], unique=True)
    op.add_column("console_session", sa.Column("authenticated_at", sa.String(27)))
    op.add_column("console_session", sa.Column("by_issuer", sa.Boolean, nullable=False, server_default=sa.false()))
    # Until now all came by links, which prove who it is at that moment.
    op.execute("UPDATE console_session SET authenticated_at = signed_in_at")
    op.create_table(
        "console_pending",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("browser_digest", sa.String(64), nullable=False),
        sa.Column("is_again", sa.Boolean, nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.String(27), nullable=False),
    )
    op.create_index("console_pending_by_time", "console_pending", ["begun_at"])
