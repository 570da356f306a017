"""What the role that a service runs as may do on PostgreSQL: compared, right by right, with one table."""

import itertools

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.service_registry import SERVICES
from services.usage.requests import partitions
from shared.sql.database import Database
from shared.sql.migrations import SchemaIsOlder, migrate
from tests.servers import Postgres, ServiceDatabase
from tests.service_database import migrate_as_owner

pytestmark = pytest.mark.xdist_group("distributed")
service_by_service = pytest.mark.parametrize("service", SERVICES)

WRITTEN = {"SELECT", "INSERT", "UPDATE", "DELETE"}
LESS = {
    "log": {"SELECT", "INSERT"},
    "log_epoch": {"SELECT", "INSERT"},
    "log_head": {"SELECT", "UPDATE"},
    "alembic_version": {"SELECT"},
}
ALL = (*sorted(WRITTEN), "TRUNCATE", "REFERENCES", "TRIGGER")
TODAY = 20_785


@pytest.fixture
def made(postgres: Postgres) -> ServiceDatabase:
    return postgres.new_service_database()


def migrated(made: ServiceDatabase, service: str) -> Database:
    """The database, as the service's own role sees it."""
    migrate_as_owner(made, SERVICES[service].assembly.MIGRATIONS)
    return Database(made.url)


def rights(database: Database) -> dict[str, set[str]]:
    """Table → what the connected role may do to it. A partition counts as a table."""
    with database.reading() as tx:
        names = tx.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        found: dict[str, set[str]] = {}
        for name, right in itertools.product(names, ALL):
            has = tx.execute(text("SELECT has_table_privilege(:name, :right)"), {"name": name, "right": right})
            found.setdefault(name, set()).update({right} if has.scalar_one() else set())
    return found


@service_by_service
def test_a_service_may_do_to_each_table_what_it_needs_and_no_more(made: ServiceDatabase, service: str) -> None:
    database = migrated(made, service)
    found = rights(database)
    assert ("log" in found) == SERVICES[service].has_log
    assert found == {name: LESS.get(name, WRITTEN) for name in found}
    with database.reading() as tx:
        elsewhere = "has_schema_privilege('public', 'CREATE'), has_database_privilege(current_database(), 'CREATE')"
        assert tx.execute(text(f"SELECT {elsewhere}")).one() == (False, False)
        owned = "SELECT count(*) FROM pg_class WHERE relowner = CAST(quote_ident(current_user) AS regrole)"
        assert tx.execute(text(owned)).scalar_one() == 0
    database.close()


def test_a_table_of_a_later_migration_has_the_same_rights_and_the_log_keeps_its_own(made: ServiceDatabase) -> None:
    database = migrated(made, "keys")
    owner = Database(made.owner_url)
    with owner.transaction() as tx:
        tx.execute(text("CREATE TABLE later (number bigserial PRIMARY KEY)"))
        tx.execute(text(f'GRANT ALL ON log TO "{made.name}"'))  # as a restored dump or a hand may leave it
    migrate(owner, SERVICES["keys"].assembly.MIGRATIONS)
    owner.close()
    found = rights(database)
    assert (found["later"], found["log"]) == (WRITTEN, LESS["log"])
    with database.transaction() as tx:
        tx.execute(text("INSERT INTO later DEFAULT VALUES"))
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET data = ''",
        "DELETE FROM log",
        "TRUNCATE log",
        "DROP TABLE log",
        "DELETE FROM log_head",
        "CREATE TABLE mine (id integer)",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE api_key DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE TEMPORARY TABLE log (id integer)",
    ],
)
def test_the_log_s_past_is_out_of_reach(made: ServiceDatabase, statement: str) -> None:
    database = migrated(made, "keys")
    with pytest.raises(ProgrammingError, match="InsufficientPrivilege"), database.transaction() as tx:
        tx.execute(text(statement))
    database.close()


def test_no_service_reaches_another_s_database(postgres: Postgres, made: ServiceDatabase) -> None:
    other = postgres.new_service_database()
    with Database(made.url).reading() as tx:
        for mine_or_not, may in ((made.name, True), (other.name, False)):
            asked = tx.execute(text("SELECT has_database_privilege(:name, 'CONNECT')"), {"name": mine_or_not})
            assert asked.scalar_one() is may


def test_usage_makes_and_drops_days_of_requests_that_it_does_not_own(made: ServiceDatabase) -> None:
    database = migrated(made, "usage")
    with database.transaction() as tx:
        partitions.make(tx, (TODAY, TODAY + 1))
        partitions.make(tx, (TODAY,))
        assert partitions.days(tx) == [TODAY, TODAY + 1]
    with database.transaction() as tx:
        partitions.drop(tx, TODAY)
        assert partitions.days(tx) == [TODAY + 1]
    with pytest.raises(ProgrammingError, match="InsufficientPrivilege"), database.transaction() as tx:
        tx.execute(text(f"TRUNCATE {partitions.name(TODAY + 1)}"))
    database.close()


def test_a_service_whose_role_may_not_migrate_says_who_must(made: ServiceDatabase) -> None:
    database = Database(made.url)
    with pytest.raises(SchemaIsOlder, match=r"no schema yet.*run `grillo migrate` as its owner first"):
        migrate(database, SERVICES["keys"].assembly.MIGRATIONS)
    database.close()


def test_what_one_role_owned_is_taken_over_without_refusing_it_anything_meanwhile(postgres: Postgres) -> None:
    """An installation from before there were two roles: the script is run again, the service goes on."""
    url = postgres.new_database()
    database = Database(url)
    migrate(database, SERVICES["keys"].assembly.MIGRATIONS)
    name, password = database.engine.url.username or "", database.engine.url.password or ""
    made = postgres.set_up(ServiceDatabase(name=name, password=password, owner_password=password))
    with database.transaction() as tx:
        tx.execute(text("UPDATE relay_cursor SET position = 0"))
        tx.execute(text("SELECT * FROM log_head FOR UPDATE"))
    migrate_as_owner(made, SERVICES["keys"].assembly.MIGRATIONS)
    found = rights(database)
    assert found == {name: LESS.get(name, WRITTEN) for name in found}
    database.close()
