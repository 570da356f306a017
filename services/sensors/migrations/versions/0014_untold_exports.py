"""Exports that ended and are still to be told of. Those that ended before are not."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("export", sa.Column("untold_us", sa.BigInteger))
    op.create_index("export_untold", "export", ["untold_us"])
