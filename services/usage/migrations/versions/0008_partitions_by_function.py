"""Functions that make and drop a day's partition of `request` with their owner's rights (PostgreSQL).

So the role that the service runs as makes and drops the days it needs, and owns nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NAME = "'request_' || to_char(date '1970-01-01' + day, 'YYYYMMDD')"
_FUNCTIONS = (
    (
        "make_request_partition",
        f"""
DECLARE
    name text := {_NAME};
    began bigint := day::bigint * 86400000000;
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE 'CREATE TABLE ' || name || ' (LIKE request INCLUDING DEFAULTS)';
        EXECUTE 'ALTER TABLE request ATTACH PARTITION ' || name
            || ' FOR VALUES FROM (' || began || ') TO (' || began + 86400000000 || ')';
    END IF;
END
""",
    ),
    ("drop_request_partition", f"BEGIN EXECUTE 'DROP TABLE ' || {_NAME}; END"),
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for name, body in _FUNCTIONS:
        # A path of its own: what is called with the owner's rights must not find the caller's tables.
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}(day integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER"
            f" SET search_path = {schema}, pg_temp AS $body${body}$body$"
        )
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}(integer) FROM PUBLIC")
