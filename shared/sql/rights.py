"""Rights of the role that a service runs as, on PostgreSQL: what it may do to each table. Its owner grants them.

Who holds the running service's password can append to the log, and neither change nor empty it. The run role is the
one that `ALTER DEFAULT PRIVILEGES` of the owner names (ops/postgres/databases.sh); where it names none, the owner runs.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

WRITTEN = ("SELECT", "INSERT", "UPDATE", "DELETE")
EXCEPTIONS: Mapping[str, tuple[str, ...]] = {
    "log": ("SELECT", "INSERT"),
    "log_epoch": ("SELECT", "INSERT"),
    "log_head": ("SELECT", "UPDATE"),
    "alembic_version": ("SELECT",),
}

_RUN_ROLES = text(
    "SELECT DISTINCT quote_ident(rolname) FROM pg_default_acl, aclexplode(defaclacl), pg_roles"
    " WHERE pg_roles.oid = grantee AND defaclrole = CAST(quote_ident(current_user) AS regrole)"
    " AND defaclobjtype = 'r' AND grantee <> defaclrole"
)
# Partitions are read and written by way of their table.
_OWN_TABLES = text(
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
    " AND relnamespace = CAST(quote_ident(current_schema()) AS regnamespace)"
    " AND relowner = CAST(quote_ident(current_user) AS regrole)"
)


def grant_rights(connection: Connection) -> None:
    """Makes the run role's rights on this owner's tables exactly these. Does nothing where the owner runs."""
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for role in connection.execute(_RUN_ROLES).scalars().all():
        for table in connection.execute(_OWN_TABLES).scalars().all():
            granted = ", ".join(EXCEPTIONS.get(table, WRITTEN))
            connection.execute(text(f'REVOKE ALL ON TABLE "{table}" FROM {role}'))
            connection.execute(text(f'GRANT {granted} ON TABLE "{table}" TO {role}'))
        connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"))
        connection.execute(text(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"))


def may_migrate(connection: Connection) -> bool:
    """Whether this role may make tables. A run role may not."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar_one())
