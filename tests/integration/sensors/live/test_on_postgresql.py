"""Batches of many devices on PostgreSQL: two workers that take the same ones at once store each sample once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.sensors import assembly
from services.sensors.accounting.account import Account
from services.sensors.arrival import rejected_minutes, senders
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.registry.sensor import sensor_id
from services.sensors.store.even_times import NS
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, NoBus
from tests.integration.sensors.live.messages import (
    BEGIN_SECONDS,
    BRIDGE,
    archived,
    counting,
    network,
    readings,
    served,
)
from tests.servers import Postgres
from tests.service_database import new_service_database

pytestmark = pytest.mark.xdist_group("postgres")
DEVICES = [f"{number:03}" for number in range(6)]
OF_RECORD = 96


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, assembly.MIGRATIONS)
    yield database
    database.close()


def test_two_workers_that_take_the_same_devices_in_other_orders_store_each_sample_once(
    database: Database, tmp_path: Path
) -> None:
    clock = SystemClock()  # no message is taken by a clock that differs from the database's
    one, other = (assembly.assemble(database, NoBus(), clock, tmp_path / "samples") for _ in range(2))
    network_id = network(one)
    one.receiver.take(readings(network_id, [archived(number, device) for number in range(5) for device in DEVICES]))
    for number in range(5, 15):
        batch = readings(network_id, [archived(number, device) for device in DEVICES])
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda worker, of: worker.receiver.take(of), (one, other), (batch, batch[::-1])))
    for device in DEVICES:
        sensor = sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, device)
        assert [values for _, values in served(one, sensor)] == [counting([0, 15])]
    with database.reading() as tx:
        sent = senders.of_sender(tx, BRIDGE)
    assert sent == Account(new=6 * 15 * OF_RECORD, repeated=6 * 10 * OF_RECORD, reasons={"": 0})


def test_minutes_of_rejected_samples_add_up(database: Database, tmp_path: Path) -> None:
    sensors = assembly.assemble(database, NoBus(), SystemClock(), tmp_path / "samples")
    network_id, too_great = network(sensors), {"x": [1e308] * 32}
    sensors.receiver.take(readings(network_id, [archived(0)]))
    for number in (0, 0, 177):  # three minutes later
        sensors.receiver.take(readings(network_id, [archived(number) | too_great]))
    begin_ns, its = round(BEGIN_SECONDS) * NS, sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, "001")
    with database.reading() as tx:
        minutes = rejected_minutes.between(tx, its, begin_ns, begin_ns + 3600 * NS)
    told = [minutes.any_within("x", begin_ns + at * 60 * NS, begin_ns + (at + 1) * 60 * NS) for at in range(5)]
    assert told == [True, False, False, True, False]
