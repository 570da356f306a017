"""The hint of the secret that a request came with, if that was not its key's newest, or is dead."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("request", sa.Column("secret_hint", sa.String(16)))
