"""SIGKILL of the usage worker in the middle of a batch, ten times: each request is counted once, and none is lost."""

import time
from collections import Counter

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from services.usage import tables
from services.usage.counters.rollup import roll_up
from services.usage.rebuild import rebuild
from shared.sql.database import Database
from tests.e2e.running import eventually
from tests.faults.usage_alone import Gate, Worker
from tests.servers import Postgres

DEATHS, REQUESTS_EACH = 10, 3000
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


def test_a_worker_that_dies_in_the_middle_of_batches_counts_each_request_once(
    worker: Worker, gate: Gate, postgres: Postgres, database_url: str
) -> None:
    for _ in range(DEATHS):
        gate.record(REQUESTS_EACH)
        _wait_until_writing(postgres, database_url)
        worker.kill()
        worker.start()
    eventually(gate.meter.is_settled, bool, seconds=120, every=0.2)
    database = Database(database_url)
    roll_up(database, until=2**40)
    with database.reading() as tx:
        counted = Counter(tx.execute(select(tables.request.c.request_id)).scalars())
        totals = [
            tx.execute(select(func.sum(table.c.requests))).scalar_one()
            for table in (tables.counter, tables.counter_hour, tables.counter_day, tables.organisation_counter_hour)
        ]
    assert counted == Counter(gate.recorded)
    assert totals == [DEATHS * REQUESTS_EACH] * 4
    assert [rebuilt for rebuilt in rebuild(database) if rebuilt.differences] == []
    database.close()


def _wait_until_writing(postgres: Postgres, database_url: str) -> None:
    """Until the worker is in a transaction that has written: between a batch's first row and its commit."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle'"
        " AND backend_xid IS NOT NULL AND query ~* '^(COPY|INSERT)'"
    )
    name, deadline = make_url(database_url).database, time.monotonic() + 60
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        while connection.execute(query, (name,)).fetchone() != (1,):
            assert time.monotonic() < deadline, "the worker takes nothing in"
            time.sleep(0.001)
