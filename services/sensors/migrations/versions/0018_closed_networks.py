"""Networks that were closed to keys when they were deleted, whose events stay closed."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    table = op.create_table(
        "closed_network",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
    )
    op.create_index("closed_network_by_organisation", "closed_network", ["organisation_id"])
    if rows := _deleted_while_closed():
        op.bulk_insert(table, rows)


def _deleted_while_closed() -> list[dict[str, str]]:
    """From the log, which has all of them."""
    of_access = "'NetworkCreated', 'NetworkAccessChanged', 'NetworkDeleted'"
    events = f"SELECT stream, type, data FROM log WHERE type IN ({of_access}) ORDER BY position"  # noqa: S608
    is_open: dict[str, bool] = {}
    found = []
    for network_id, type_, data in op.get_bind().execute(sa.text(events)):
        event = json.loads(data)
        if type_ != "NetworkDeleted":
            is_open[network_id] = event.get("api_access", True)
        elif not is_open[network_id]:
            found.append({"id": network_id, "organisation_id": event["organisation_id"]})
    return found
