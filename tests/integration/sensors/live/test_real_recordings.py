"""Real recordings, as they were sent and as a file: shuffled messages in batches end as what their files do."""

import gzip
import os
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from services.sensors import assembly, ingest
from services.sensors.assembly import Sensors
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.registry.sensor import sensor_id
from services.sensors.store.waveform import Segment
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.live.messages import ALL_TIME, network, readings

REPOSITORY = Path(__file__).resolve().parents[4]
OPENEEW = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
DEVICES = ("006", "014")  # the one nearest to the earthquake, and one as most are
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ELSEWHERE = 45  # seconds: messages come out of order by so much


def opened(folder: Path) -> Sensors:
    folder.mkdir()
    return assembly.assemble(Database.sqlite(folder / "db.sqlite3"), NoBus(), ManualClock(NOW), folder / "samples")


def files() -> dict[str, list[Path]]:
    found = {device: sorted((OPENEEW / "records/2018_2_16" / device).glob("*.jsonl.gz")) for device in DEVICES}
    assert all(found.values())
    return found


def sealed(sensors: Sensors, device: str, channel: str) -> list[Segment]:
    sensor = sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, device)
    return sensors.samples.reader.segments(sensor, *ALL_TIME, channel)


def seal(sensors: Sensors) -> None:
    sensors.arrival.decide_waiting()
    while sensors.samples.sealer.run(settled=False):
        pass


@pytest.fixture(scope="module")
def from_files(tmp_path_factory: pytest.TempPathFactory) -> Sensors:
    sensors = opened(tmp_path_factory.mktemp("files") / "service")
    for paths in files().values():
        for path in paths:
            imported = sensors.importer.store(ingest.read(path, now=NOW), ORGANISATION_ID, ORIGIN)
            sensors.importer.decide(imported.sensor_ids)
    seal(sensors)
    return sensors


def test_live_messages_out_of_order_are_sealed_as_their_files_are(from_files: Sensors, tmp_path: Path) -> None:
    sensors, draw = opened(tmp_path / "live"), random.Random(7)
    of_devices = [
        [line for path in of for line in gzip.decompress(path.read_bytes()).splitlines()] for of in files().values()
    ]
    arrivals = sorted((place + draw.uniform(0, ELSEWHERE), line) for of in of_devices for place, line in enumerate(of))
    network_id, first = network(sensors), 0
    while first < len(arrivals):
        size = draw.choice((1, 5, 40))
        batch = [line for _, line in arrivals[first : first + size]]
        sensors.receiver.take(readings(network_id, batch))
        first += size
    clock = sensors.clock
    assert isinstance(clock, ManualClock)
    clock.advance(120)
    seal(sensors)
    apart: defaultdict[str, float] = defaultdict(float)
    for device in DEVICES:
        for channel in ("BNZ", "BN1", "BN2"):
            live, of_file = sealed(sensors, device, channel), sealed(from_files, device, channel)
            assert [one.samples.tolist() for one in live] == [one.samples.tolist() for one in of_file]
            for one, other in zip(live, of_file, strict=True):
                offsets = np.array(
                    [one.time_ns(place) - other.time_ns(place) for place in range(0, one.samples.size, 32)]
                )
                apart[device] = max(apart[device], float(np.abs(offsets).max()) / 1e6)
    assert max(apart.values()) < 32, apart  # milliseconds, an interval: each row may be off by half of one
