"""The identity of the storage that the log lies on, so that a restore is noticed."""

import sqlalchemy as sa
from alembic import op

from shared.sql.dialect_functions import storage_identity

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    table = op.create_table(
        "storage",
        sa.Column("identity", sa.String(100), primary_key=True),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    log = sa.table("log", sa.column("position"))
    identity = op.get_bind().execute(sa.select(storage_identity(log))).scalar_one()
    # No gate can have followed an empty log. One with rows may have been restored a moment ago.
    is_empty = op.get_bind().execute(sa.select(sa.func.count()).select_from(log)).scalar_one() == 0
    op.bulk_insert(table, [{"identity": identity, "settled": is_empty}])
