"""SIGKILL of the usage worker in the middle of a batch, ten times: each request is counted once, and none is lost."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from services.usage import tables
from services.usage.rebuild import rebuild
from shared.clock import SystemClock
from shared.contracts.usage import BatchesCounted
from shared.database import Database
from shared.gate.meter import Meter
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.listening import Listener
from shared.messaging.publishing import EventPublisher, MeterBus
from tests.e2e.running import eventually
from tests.servers import Postgres, RabbitMq, free_port
from tests.unit.usage.test_metering import record

DEATHS, REQUESTS_EACH = 10, 3000
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


class Worker:
    """The usage service's nameko containers, in the process that they have in production."""

    def __init__(self, database_url: str, amqp_uri: str, log: Path) -> None:
        door = f"http://127.0.0.1:{free_port()}"  # nobody is there: keys is away, and usage counts all the same
        self._environment = os.environ | {
            "DATABASE_URL": database_url,
            "AMQP_URI": amqp_uri,
            "INTERNAL_TOKEN": "token of a test",
            "KEYS_INTERNAL_URL": door,
        }
        self._log = log.open("ab")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "services.distributed.worker", "usage"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def close(self) -> None:
        self.kill()
        self._log.close()


class Gate:
    """What records requests and ships them, until it hears that they are counted."""

    def __init__(self, amqp_uri: str, spool: Path) -> None:
        self.recorded: list[str] = []
        self.meter = Meter(spool, MeterBus(EventPublisher(amqp_uri, "auth")), SystemClock())
        self._listener = Listener(amqp_uri, {broadcast_queue("gate", "usage", "BatchesCounted"): self._hear})
        self._listener.start()
        assert self._listener.wait_until_ready(30)
        self.meter.start()

    def record(self, requests: int) -> None:
        now = SystemClock().now()
        for number in range(len(self.recorded), len(self.recorded) + requests):
            self.recorded.append(f"request {number}")
            self.meter.record(record(request_id=self.recorded[-1], key_id=f"key_{number % 50}", at=now))

    def close(self) -> None:
        self.meter.stop()
        self._listener.stop()

    def _hear(self, body: Any) -> None:
        self.meter.counted(msgspec.convert(body, type=BatchesCounted).batches)


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def worker(database_url: str, rabbitmq_uri: str, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(database_url, rabbitmq_uri, tmp_path / "worker.log")
    yield worker
    worker.close()


@pytest.fixture
def rabbitmq_uri(rabbitmq: RabbitMq) -> str:
    return rabbitmq.new_vhost()


@pytest.fixture
def gate(rabbitmq_uri: str, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(rabbitmq_uri, tmp_path / "spool")
    yield gate
    gate.close()


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
