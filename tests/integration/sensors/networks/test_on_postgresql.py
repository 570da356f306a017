"""Networks on PostgreSQL: two processes that start at once adopt older sensors once; reads, moves and deletion."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.sensors import assembly, tables
from services.sensors.assembly import Sensors
from services.sensors.networks.commands import NetworkHasSensors
from services.sensors.networks.network import ChangeNetwork, Settings
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.networks.stations import stations
from tests.servers import Postgres
from tests.service_database import new_service_database

pytestmark = pytest.mark.xdist_group("postgres")
OWNER = Visible(organisation_id=ORGANISATION_ID)
BY_KEY = Visible(organisation_id=ORGANISATION_ID, open_only=True)
NAMES = [f"S{number:03}" for number in range(50)]


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, assembly.MIGRATIONS)
    yield database
    database.close()


def started(database: Database, clock: ManualClock, folder: Path) -> Sensors:
    return assembly.assemble(database, NoBus(), clock, folder / "samples")


def test_two_that_start_at_once_adopt_each_sensor_once(
    database: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = started(database, clock, tmp_path)
    monkeypatch.setattr(older.importer._networks, "for_new_sensors", lambda *_: None)
    older.importer.store(stations(*NAMES), ORGANISATION_ID, ORIGIN)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(started, database, clock, tmp_path) for _ in range(2)]
    first, _ = (one.result() for one in both)
    (network,) = first.networks.queries.list_networks(OWNER, 10).networks
    assert network.sensor_count == len(NAMES)
    with database.reading() as tx:
        written = tx.execute(select(func.count()).select_from(tables.log)).scalar_one()
    assert written == len(NAMES) + 1 + len(NAMES)


def test_a_network_is_read_closed_emptied_and_deleted(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    sensors = started(database, clock, tmp_path)
    networks = sensors.networks
    network_id = networks.commands.create(ORGANISATION_ID, Settings(name="Costa"), ORIGIN)
    ids = sensors.importer.store(stations("AAA", "BBB"), ORGANISATION_ID, ORIGIN).sensor_ids
    some = Visible(organisation_id=ORGANISATION_ID, networks=frozenset({network_id}))
    assert sensors.queries.list_sensors(some, 10).total == 2
    assert sensors.queries.list_sensors(Visible(organisation_id=ORGANISATION_ID, networks=frozenset()), 10).total == 0
    assert networks.statistics.of_network(some, network_id).offline_sensors == 2
    networks.commands.change(OWNER, network_id, ChangeNetwork(api_access=False), ORIGIN)
    assert (sensors.queries.list_sensors(BY_KEY, 10).total, sensors.queries.list_sensors(OWNER, 10).total) == (0, 2)
    with pytest.raises(NetworkHasSensors):
        networks.commands.delete(OWNER, network_id, "Costa", ORIGIN)
    other = networks.commands.create(ORGANISATION_ID, Settings(name="Sierra"), ORIGIN)
    networks.moves.move(OWNER, other, ids, ORIGIN)
    networks.commands.delete(OWNER, network_id, "Costa", ORIGIN)
    assert [one.id for one in networks.queries.networks_of(ORGANISATION_ID).networks] == [other]
