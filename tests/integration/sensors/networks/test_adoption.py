"""Sensors of the time before networks get one at the service's start, by the log and once."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from services.sensors import assembly, tables
from services.sensors.assembly import Sensors
from services.sensors.networks import adoption
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.networks.stations import stations


@pytest.fixture
def older(sensors: Sensors, monkeypatch: pytest.MonkeyPatch) -> Sensors:
    """With sensors as an earlier release registered them: their events name no network."""
    monkeypatch.setattr(sensors.importer._networks, "for_new_sensors", lambda *_: None)
    for organisation_id in (ORGANISATION_ID, "org_another"):
        sensors.importer.store(stations("AAA", "BBB", "CCC"), organisation_id, ORIGIN)
    monkeypatch.undo()
    return sensors


def networks(database: Database) -> dict[str, set[str | None]]:
    with database.reading() as tx:
        rows = tx.execute(select(tables.sensor.c.organisation_id, tables.sensor.c.network_id)).all()
    found: dict[str, set[str | None]] = {}
    for organisation_id, network_id in rows:
        found.setdefault(organisation_id, set()).add(network_id)
    return found


def events(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(tables.log)).scalar_one())


def test_a_start_gives_each_organisation_s_sensors_a_network_and_the_next_start_does_nothing(
    older: Sensors, database: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert networks(database) == {ORGANISATION_ID: {None}, "org_another": {None}}
    monkeypatch.setattr(adoption, "_AT_ONCE", 2)
    for _ in range(2):
        started = assembly.assemble(database, NoBus(), clock, tmp_path / "samples")
        ids = {name: (view,) for name in networks(database) if (view := only(started, name))}
        assert networks(database) == {name: set(of) for name, of in ids.items()}
        assert events(database) == 6 + 2 + 6


def test_a_sensor_that_was_moved_meanwhile_stays_where_it_is(
    older: Sensors, database: Database, clock: ManualClock
) -> None:
    """Another process adopted it, and this one still sees it without a network."""
    adoption.adopt_sensors(database, older.store, clock)
    before = events(database)
    with database.transaction() as tx:
        tx.execute(update(tables.sensor).values(network_id=None))
    adoption.adopt_sensors(database, older.store, clock)
    assert events(database) == before


def only(sensors: Sensors, organisation_id: str) -> str:
    (network,) = sensors.networks.queries.list_networks(Visible(organisation_id=organisation_id), 100).networks
    return network.id
