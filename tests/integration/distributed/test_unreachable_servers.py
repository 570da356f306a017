"""A database or broker that is not there, or refuses: one line, naming setting and address, never the password."""

import os
import socket
import subprocess
from collections.abc import Callable

import pytest
from sqlalchemy import text

from shared.messaging.availability import await_broker
from shared.runtime import wait_for_servers as connecting
from shared.runtime.wait_for_servers import ServerUnreachable, address
from shared.sql import database
from shared.sql.availability import await_database
from shared.sql.database import Database
from tests.e2e.running import GRILLO
from tests.servers import Postgres, RabbitMq, free_port

PASSWORD = "hunter2"
pytestmark = pytest.mark.xdist_group("distributed")


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "WAIT_SECONDS_MAX", 0.6)
    monkeypatch.setattr("shared.messaging.availability._CONNECT_SECONDS_MAX", 0.5)
    monkeypatch.setattr(database, "CONNECT_SECONDS_MAX", 2)  # libpq knows no less


def test_nobody_at_the_address() -> None:
    port = free_port()
    url = f"postgresql+psycopg://keys:{PASSWORD}@127.0.0.1:{port}/keys"
    _is_told_without_password(lambda: await_database(Database(url), url), f"DATABASE_URL: .*:{port}/keys could not be ")
    uri = f"amqp://grillo:{PASSWORD}@127.0.0.1:{port}/grillo"
    _is_told_without_password(lambda: await_broker(uri), f"AMQP_URI: amqp://127.0.0.1:{port}/grillo could not be used")


def test_a_broker_that_takes_the_connection_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"amqp://grillo:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/grillo"
        _is_told_without_password(lambda: await_broker(uri), "AMQP_URI: ")


def test_a_database_that_takes_the_connection_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://keys:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/keys"
        _is_told_without_password(lambda: await_database(Database(url), url), "DATABASE_URL: ")


def test_a_wrong_password_for_the_broker(rabbitmq: RabbitMq) -> None:
    uri = f"amqp://grillo:{PASSWORD}@127.0.0.1:{rabbitmq.port}/t0"
    _is_told_without_password(lambda: await_broker(uri), "AMQP_URI: .*are the user name and password right?")


def test_a_database_that_does_not_exist(postgres: Postgres) -> None:
    url = f"postgresql+psycopg://nobody:{PASSWORD}@127.0.0.1:{postgres.port}/nothing"
    _is_told_without_password(lambda: await_database(Database(url), url), "DATABASE_URL: ")


@pytest.mark.parametrize("fault", ["a schema from the future", "a role that may create nothing"])
def test_a_database_that_cannot_be_migrated(postgres: Postgres, fault: str) -> None:
    url = postgres.new_database()
    with Database(url).transaction() as tx:
        if fault == "a schema from the future":
            tx.execute(text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"))
            tx.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
        else:
            tx.execute(text("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"))
    environment = os.environ | {"DATABASE_URL": url, "AMQP_URI": "amqp://nowhere", "INTERNAL_TOKEN": "token"}
    migrated = subprocess.run([*GRILLO, "migrate", "keys"], env=environment, capture_output=True, text=True)
    assert migrated.returncode == 1
    told = "its schema is at revision 9999" if fault == "a schema from the future" else "ReadOnlySqlTransaction"
    assert f"DATABASE_URL: {address(url)} cannot be used: " in migrated.stderr
    assert told in migrated.stderr
    assert len(migrated.stderr.splitlines()) == 1, migrated.stderr


def _is_told_without_password(act: Callable[[], None], pattern: str) -> None:
    with pytest.raises(ServerUnreachable, match=pattern) as told:
        act()
    assert PASSWORD not in str(told.value)
    assert "\n" not in str(told.value)
