"""What people see of networks and sensors: how they are, and the last minute of each as it was recorded."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from services.sensors import assembly
from services.sensors.arrival.time_arrival import Timed
from services.sensors.assembly import Sensors
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.networks.network import ChangeNetwork, NoSuchNetwork
from services.sensors.overview.minute import SECONDS
from services.sensors.registry.status import Status
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import to_nanoseconds
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus
from tests.service_database import migrated

OWNER = Visible(organisation_id=ORGANISATION_ID)
HOUR = timedelta(hours=1)


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    migrated(database, assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")


def recorded(station: str, *, seconds: int) -> ReadResult:
    """Two samples a second until now, each one more than the one before."""
    samples = np.arange(seconds * 2, dtype=np.int32)
    start_ns = to_nanoseconds(NOON - timedelta(seconds=seconds))
    segment = Timed(axis="00.BHZ", start_ns=start_ns, rate_hz=2.0, samples=samples, source="made up")
    recording = Recording(
        network="XX",
        station=station,
        name=station,
        latitude=None,
        longitude=None,
        elevation_m=None,
        unit="counts",
        segments=(segment,) if seconds else (),
    )
    return ReadResult(recordings=(recording,), lines_read=1, rejected=())


@pytest.mark.parametrize("is_sealed", [False, True])
def test_each_sensor_has_its_state_and_its_last_minute(sensors: Sensors, is_sealed: bool) -> None:
    for station, seconds in (("AAA", 7200), ("BBB", 0)):
        sensors.importer.store(recorded(station, seconds=seconds), ORGANISATION_ID, ORIGIN)
    if is_sealed:
        sensors.samples.sealer.run(hours_max=100, settled=False)
    (network,) = sensors.overview().networks(ORGANISATION_ID, 20).networks
    assert (network.total_sensors, network.online_sensors) == (2, 1)
    found = {one.name: one for one in sensors.overview().sensors(ORGANISATION_ID, network.id, 20).sensors}
    assert (found["AAA"].status, found["BBB"].status) == (Status.ONLINE, Status.OFFLINE)
    assert found["AAA"].data_completeness == pytest.approx(2 / 24, abs=0.001)
    assert (found["BBB"].data_completeness, found["BBB"].last_minute) == (None, None)
    last = found["AAA"].last_minute
    assert last is not None
    assert (last.channel, len(last.lows)) == ("BHZ", SECONDS * 2)
    assert last.highs[-1] == 7200 * 2 - 1
    assert None not in last.lows[1:]


def test_a_closed_network_is_seen_by_people(sensors: Sensors) -> None:
    sensors.importer.store(recorded("AAA", seconds=60), ORGANISATION_ID, ORIGIN)
    (network,) = sensors.overview().networks(ORGANISATION_ID, 20).networks
    sensors.networks.commands.change(OWNER, network.id, ChangeNetwork(api_access=False), ORIGIN)
    (network,) = sensors.overview().networks(ORGANISATION_ID, 20).networks
    assert (network.api_access, network.total_sensors) == (False, 1)
    assert sensors.overview().sensors(ORGANISATION_ID, network.id, 20).total == 1


def test_another_organisation_s_network_is_none(sensors: Sensors) -> None:
    sensors.importer.store(recorded("AAA", seconds=0), ORGANISATION_ID, ORIGIN)
    (network,) = sensors.overview().networks(ORGANISATION_ID, 20).networks
    with pytest.raises(NoSuchNetwork):
        sensors.overview().sensors("org_another", network.id, 20)
    assert sensors.overview().networks("org_another", 20).networks == ()
