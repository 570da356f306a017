"""A database's host and ours lose each other, and neither is told: both ends give up, and no lock outlives it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.sql import database as connecting
from shared.sql.database import Database
from tests.e2e.running import eventually
from tests.servers import Postgres
from tests.shims.own_network import OwnNetwork, own_network

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a network")


@pytest.fixture(scope="module")
def network() -> Iterator[OwnNetwork]:
    with own_network() as network:
        yield network


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, network: OwnNetwork) -> Iterator[Postgres]:
    with closing(Postgres(tmp_path_factory.mktemp("postgres"))) as server:
        yield server


@pytest.fixture
def way(network: OwnNetwork, server: Postgres) -> Iterator[int]:
    yield network.to(server.port)
    network.heal()


@pytest.fixture
def database(server: Postgres, way: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(connecting, "UNANSWERED_MILLISECONDS_MAX", 1000)
    monkeypatch.setattr(connecting, "PROBE_SECONDS", 1)
    with closing(Database(server.new_database().replace(f":{server.port}/", f":{way}/"))) as database:
        yield database


def test_a_statement_whose_answer_is_lost_fails(
    database: Database, server: Postgres, network: OwnNetwork, way: int
) -> None:
    def ask() -> None:
        with database.reading() as tx:
            tx.execute(text("SELECT pg_sleep(2)"))

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        eventually(lambda: _told(server, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"), bool)
        network.part(way, "there", "back")
        with pytest.raises(OperationalError):
            asked.result()


def test_a_lock_of_one_that_is_gone_is_free_again(
    database: Database, server: Postgres, network: OwnNetwork, way: int
) -> None:
    held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"

    def hold() -> None:
        with database.transaction() as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(7)"))
            assert _told(server, held)
            network.part(way, "there", "back")
            tx.execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        hold()
    eventually(lambda: _told(server, held), lambda held: not held, seconds=30)


def _told(server: Postgres, question: str) -> bool:
    with psycopg.connect(server.address()) as connection:
        return connection.execute(question.encode()).fetchone() is not None
