"""Rejected lines count for the sensor that they name, and the summary says which line of which."""

import json
from pathlib import Path

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime

from services.sensors import assembly, ingest
from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts, rejected_minutes
from services.sensors.assembly import Sensors
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.registry.sensor import sensor_id
from services.sensors.store.even_times import NS
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.live.messages import BEGIN_SECONDS, archived


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")


def test_lines_that_name_a_known_sensor_are_rejected_for_it_and_others_for_none(
    sensors: Sensors, tmp_path: Path
) -> None:
    ahead = archived(3) | {"device_t": NOON.timestamp() + 3600}
    lines = [*map(archived, range(10)), ahead, archived(4, "009") | {"y": [True] * 32}, ahead | {"device_id": "0 0"}]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    imported = sensors.importer.store(ingest.read(path, now=NOON), ORGANISATION_ID, ORIGIN)
    its = sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, "001")
    assert [(one.line, one.sensor_id) for one in imported.rejected] == [(11, its), (12, None), (13, None)]
    assert (imported.accounts[its].rejected, imported.rejected_account.rejected) == (96, 192)
    assert imported.account.offered == 13 * 96
    with sensors.database.reading() as tx:
        assert accounts.of_sensor(tx, its) == Account(new=960, reasons={"": 96})
    assert are_rejected(sensors, its, "x", BEGIN_SECONDS)
    assert not are_rejected(sensors, its, "x", BEGIN_SECONDS + 120)


def test_a_file_of_which_every_line_is_rejected_is_accounted_for(sensors: Sensors, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(json.dumps(archived(second) | {"device_t": 1e9}) for second in range(80)))
    imported = sensors.importer.store(ingest.read(path, now=NOON), ORGANISATION_ID, ORIGIN)
    reason = "device_t is before 2010: the clock was never set"
    assert imported.account == Account(reasons={reason: 7680})


def test_a_damaged_record_of_miniseed_is_rejected_for_its_station(sensors: Sensors, tmp_path: Path) -> None:
    header = {"network": "XX", "station": "AAA", "channel": "BHZ", "sampling_rate": 50.0}
    samples = np.random.default_rng(1).integers(-1000, 1000, 3000, dtype=np.int32)
    trace = Trace(samples, header | {"starttime": UTCDateTime(2020, 1, 1)})
    path = tmp_path / "damaged.mseed"
    Stream([trace]).write(str(path), format="MSEED", encoding="STEIM2", reclen=512)
    content = bytearray(path.read_bytes())
    content[512 + 200] ^= 0x10
    path.write_bytes(content)
    imported = sensors.importer.store(ingest.read(path, now=NOON), ORGANISATION_ID, ORIGIN)
    (damaged,) = imported.rejected
    assert (damaged.line, damaged.sensor_id) == (2, sensor_id(ORGANISATION_ID, "XX", "AAA"))
    assert imported.account.offered == 3000
    assert imported.accounts[damaged.sensor_id or ""].rejected == damaged.samples > 0
    begins = UTCDateTime(2020, 1, 1).timestamp
    assert are_rejected(sensors, damaged.sensor_id or "", ".BHZ", begins)
    assert not are_rejected(sensors, damaged.sensor_id or "", ".BHN", begins)


def test_samples_that_are_no_numbers_are_rejected_for_their_minutes(sensors: Sensors, tmp_path: Path) -> None:
    samples = np.zeros(12_000)
    samples[6000:6100] = np.nan
    header = {"network": "XX", "station": "AAA", "channel": "BHZ", "sampling_rate": 50.0}
    path = tmp_path / "gaps.mseed"
    begins = UTCDateTime(2020, 1, 1)
    Stream([Trace(samples, header | {"starttime": begins})]).write(str(path), format="MSEED", encoding="FLOAT64")
    imported = sensors.importer.store(ingest.read(path, now=NOON), ORGANISATION_ID, ORIGIN)
    its = sensor_id(ORGANISATION_ID, "XX", "AAA")
    assert imported.accounts[its].rejected == 100
    minutes = [are_rejected(sensors, its, ".BHZ", begins.timestamp + 60 * minute) for minute in range(4)]
    assert minutes == [False, False, True, False]


def are_rejected(sensors: Sensors, its: str, axis: str, at_seconds: float) -> bool:
    """Samples of that minute."""
    at_ns = round(at_seconds) * NS
    with sensors.database.reading() as tx:
        return rejected_minutes.between(tx, its, at_ns, at_ns + NS).any_within(axis, at_ns, at_ns + NS)
