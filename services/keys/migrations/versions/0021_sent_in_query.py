"""When a key's present secret came last in a URL's query, which was not kept so far."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("sent_in_query_at", sa.String(27)))
