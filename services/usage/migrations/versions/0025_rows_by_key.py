"""On SQLite counters lie in the order of their keys, and take half the room: one tree in place of two."""

from alembic import op

revision = "0025"
down_revision = "0024"

_TABLES = [
    owned + name + step
    for name in ("counter", "network_counter")
    for owned in ("", "organisation_")
    for step in ("", "_hour")
]


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in (*_TABLES, "counter_day"):
        with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_with_rowid": False}):
            pass
