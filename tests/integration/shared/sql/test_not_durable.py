"""A statement that need not be durable: that its commit is so on PostgreSQL, and nothing after it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, select, text, update

from shared.sql.database import Database
from shared.sql.dialect_functions import NotDurable
from tests.servers import Postgres

METADATA = MetaData()
COUNTER = Table("counter", METADATA, Column("name", String(8), primary_key=True), Column("value", Integer))
ADD = update(COUNTER).where(COUNTER.c.name == bindparam("of")).values(value=COUNTER.c.value + 1)
BOTH = [{"of": "left"}, {"of": "right"}]

# Runs when the transaction commits, after its statements.
TELL_AT_COMMIT = """
    CREATE TABLE told (setting text);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO told VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER tell AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION tell()
"""


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.new_database())
    METADATA.create_all(database.engine)
    with database.transaction() as tx:
        tx.execute(text("INSERT INTO counter VALUES ('left', 0), ('right', 0)"))
        tx.execute(text(TELL_AT_COMMIT))
    yield database
    database.close()


def test_only_that_statements_commit_is_not_durable(database: Database) -> None:
    with database.writing_once() as tx:
        assert tx.execute(ADD.where(NotDurable()), BOTH).rowcount == 2
    with database.writing_once() as tx:  # of the same connection
        tx.execute(ADD, BOTH)
    with database.reading() as tx:
        assert tx.execute(text("SELECT setting FROM told")).scalars().all() == ["off", "off", "on", "on"]
        assert tx.execute(select(COUNTER.c.value)).scalars().all() == [2, 2]
