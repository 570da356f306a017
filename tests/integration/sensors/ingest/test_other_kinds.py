"""Recordings of kinds that the shared ones are not: other rates and axes, gaps, files out of order. Nothing is lost."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from obspy import Stream, Trace, UTCDateTime

from services.sensors import assembly, ingest
from services.sensors.assembly import Sensors
from services.sensors.store.waveform import Segment
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.live.messages import ALL_TIME

BEGIN = NOON.timestamp() - 86_400


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")


def take(sensors: Sensors, paths: list[Path]) -> str:
    """Each by a command of its own; what is sealed is served."""
    ids = set()
    for path in paths:
        imported = sensors.importer.store(ingest.read(path, now=NOON), ORGANISATION_ID, ORIGIN)
        assert imported.rejected == ()
        sensors.importer.decide(imported.sensor_ids)
        ids |= set(imported.sensor_ids)
    while sensors.samples.sealer.run(settled=False):
        pass
    (sensor_id,) = ids
    return sensor_id


def served(sensors: Sensors, sensor_id: str, channel: str) -> list[Segment]:
    return sensors.samples.reader.segments(sensor_id, *ALL_TIME, channel)


def test_a_device_of_125_hz_with_gaps_whose_files_come_in_no_order(sensors: Sensors, tmp_path: Path) -> None:
    """Records of 125 samples; the hour's edge lies in the third file, and each file lacks a stretch of its own."""
    draw, hz, files = random.Random(3), 125 * 1.00004, []
    numbers = [number for number in range(1500) if number % 500 not in range(200, 203)]
    for part in range(5):
        lines = []
        for number in numbers[part * len(numbers) // 5 : (part + 1) * len(numbers) // 5]:
            device_t = BEGIN - 900 + (number + 1) * 125 / hz
            axes = {axis: [(number * 125 + place) / 1000 for place in range(125)] for axis in "xyz"}
            times = {"device_t": round(device_t, 3), "cloud_t": round(device_t + 0.3 + draw.expovariate(5), 3)}
            lines.append(json.dumps({"device_id": "S125", "sr": 125, **axes, **times}))
        draw.shuffle(lines)
        path = tmp_path / f"{part}.jsonl"
        path.write_text("\n".join(lines))
        files.append(path)
    sensor_id = take(sensors, [files[number] for number in (3, 0, 4, 1, 2)])
    for channel in ("HNZ", "HN1", "HN2"):
        segments = served(sensors, sensor_id, channel)
        assert [value for one in segments for value in one.samples.tolist()] == [
            number * 125 + place for number in numbers for place in range(125)
        ]
        assert len(segments) == 4
        assert [one.sample_rate_hz for one in segments] == pytest.approx([hz] * 4, rel=1e-5)
        for one in segments:
            truth = BEGIN - 900 + (one.samples[0] + 1) / hz + 0.3
            assert abs(one.start_ns / 1e9 - truth) < 0.03


def test_six_channels_of_an_observatory_with_gaps_and_files_out_of_order(sensors: Sensors, tmp_path: Path) -> None:
    """Accelerometer and seismometer of one station: other rates, integers beside floats, parts that overlap."""
    draw = np.random.default_rng(6)
    channels = {"HNZ": 200.0, "HNN": 200.0, "HNE": 200.0, "LHZ": 1.0, "LHN": 1.0, "LHE": 1.0}
    values: dict[str, NDArray[Any]] = {
        code: draw.integers(-(2**20), 2**20, round(3600 * hz), dtype=np.int32) for code, hz in channels.items()
    }
    values["LHE"] = values["LHE"].astype(np.float32) / 7
    paths = []
    for number, (first, stop) in enumerate(((0, 1300), (1290, 2000), (2030, 3600))):
        traces = [
            Trace(
                values[code][round(first * hz) : round(stop * hz)],
                {
                    "network": "IU",
                    "station": "OBS",
                    "location": "00",
                    "channel": code,
                    "sampling_rate": hz,
                    "starttime": UTCDateTime(BEGIN) + first,
                },
            )
            for code, hz in channels.items()
        ]
        paths.append(tmp_path / f"{number}.mseed")
        Stream(traces).write(str(paths[-1]), format="MSEED")
    sensor_id = take(sensors, paths[::-1])
    for code, hz in channels.items():
        segments = served(sensors, sensor_id, code)
        assert [one.samples.dtype for one in segments] == [values[code].dtype] * 2
        for one, (first, stop) in zip(segments, ((0, 2000), (2030, 3600)), strict=True):
            assert one.start_ns == round((BEGIN + first) * 1e9)
            assert np.array_equal(one.samples, values[code][round(first * hz) : round(stop * hz)])


def test_one_axis_of_slow_floats_in_sac_files_with_an_hour_missing(sensors: Sensors, tmp_path: Path) -> None:
    samples, paths = np.sin(np.arange(6 * 360) / 9).astype(np.float32), []
    for hour in (0, 1, 2, 4, 5):
        trace = Trace(
            samples[hour * 360 : (hour + 1) * 360],
            {"network": "XX", "station": "SLOW", "channel": "VHZ", "delta": 10.0},
        )
        trace.stats.starttime = UTCDateTime(BEGIN) + hour * 3600
        paths.append(tmp_path / f"{hour}.sac")
        trace.write(str(paths[-1]), format="SAC")
    segments = served(sensors, take(sensors, [paths[number] for number in (4, 2, 0, 1, 3)]), "VHZ")
    assert [one.samples.size for one in segments] == [3 * 360, 2 * 360]
    assert np.array_equal(np.concatenate([one.samples for one in segments]), np.delete(samples, slice(1080, 1440)))
    assert [round(one.start_ns / 1e9 - BEGIN) for one in segments] == [0, 4 * 3600]
