"""`grillo sensors import --network`: new sensors join the network of that name; one that nobody has is refused."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.failure import Failure
from services.cli.host import sensors as command
from services.sensors.assembly import Sensors
from services.sensors.ingest import samples
from services.sensors.networks.network import Settings
from services.sensors.registry.visible import Visible
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN

OWNER = Visible(organisation_id=ORGANISATION_ID)


@pytest.fixture
def arguments(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database.name}")
    monkeypatch.setenv("SAMPLES_DIR", str(tmp_path / "samples"))
    file = samples.sample_files()[0].path
    return ["import", str(file), "--organisation", ORGANISATION_ID, "--json", "--network"]


def test_new_sensors_join_the_network_that_is_named(sensors: Sensors, arguments: list[str]) -> None:
    sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Sierra"), ORIGIN)
    coast = sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Costa"), ORIGIN)
    answer = CliRunner().invoke(command.app, [*arguments, "Costa"])
    assert answer.exit_code == 0, answer.output
    found = sensors.queries.list_sensors(OWNER, 100).sensors
    assert {sensor.network_id for sensor in found} == {coast}


def test_a_network_that_nobody_has_is_refused_with_those_that_there_are(sensors: Sensors, arguments: list[str]) -> None:
    sierra = sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Sierra"), ORIGIN)
    answer = CliRunner().invoke(command.app, [*arguments, "Costa"])
    assert isinstance(answer.exception, Failure)
    assert f"there is no network 'Costa'; there is Sierra ({sierra})." in str(answer.exception)
    assert sensors.queries.list_sensors(OWNER, 100).total == 0
