"""Limits that an organisation has by contract, as JSON; and a checksum of each row that sets limits."""

import sqlalchemy as sa
from alembic import op

from shared.values.row_checksum import row_checksum

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("organisation_tier", sa.Column("contract", sa.Text))
    op.add_column("organisation_tier", sa.Column("checksum", sa.BigInteger))
    names = ("organisation_id", "tier", "contract")
    table = sa.table("organisation_tier", *map(sa.column, (*names, "checksum")))
    for row in op.get_bind().execute(sa.select(*(table.c[name] for name in names))).all():
        is_its = table.c.organisation_id == row.organisation_id
        op.execute(sa.update(table).where(is_its).values(checksum=row_checksum(*row)))
