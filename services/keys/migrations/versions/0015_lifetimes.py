"""Lifetimes of an organisation's keys: the longest, and that of keys which do not say when they expire."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for name in ("lifetime_max_days", "lifetime_default_days"):
        op.add_column("organisation", sa.Column(name, sa.Integer))
