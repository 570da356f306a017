"""Grillo's own recordings of two Mexican earthquakes, imported as anyone would import them."""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy import read as obspy_read
from obspy.signal.trigger import coincidence_trigger, recursive_sta_lta
from sqlalchemy import func, select

from services.sensors import assembly, tables
from services.sensors.arrival.record import Record
from services.sensors.ingest import read
from services.sensors.ingest.importer import Importer
from services.sensors.recordings.reading import RecordingReader
from services.sensors.recordings.sample_json import recording
from services.sensors.recordings.time_range import TimeRange
from services.sensors.registry.queries import SensorQueries, SensorView
from services.sensors.registry.visible import Visible
from services.sensors.samples import open_samples
from services.sensors.store.waveform import Segment
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN
from tests.service_database import migrated

REPOSITORY = Path(__file__).resolve().parents[4]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = {"2018_2_16": "2018-02-16T23:30:00", "2020_1_24": "2020-01-24T03:30:00"}
CHANNELS = {"BNZ": 0, "BN1": 1, "BN2": 2}
ALL_TIME = (0, 4_000_000_000_000_000_000)


def openeew() -> Path:
    """The folder with records/ and devices.json, which lies outside the repository."""
    folder = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
    for name in ("records/2018_2_16", "records/2020_1_24", "devices.json"):
        if not (folder / name).exists():
            pytest.fail(f"the real recordings are missing: no {folder / name}; set GRILLO_TEST_DATA to their folder")
    return folder


class Served:
    """What is served after an import of each file by a command of its own, and what the files hold."""

    def __init__(self, folder: Path) -> None:
        database, clock = Database.sqlite(folder / "sensors.sqlite3"), SystemClock()
        migrated(database, assembly.MIGRATIONS)
        self._database = database
        self.samples = open_samples(database, folder / "samples", clock)
        self._importer = Importer(database, SqlEventStore(database, tables.metadata), self.samples.store, clock)
        self.offered: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        self.sensors: dict[str, str] = {}

        self._queries = SensorQueries(database, clock)

    def sensor(self, station: str) -> SensorView:
        found = self._queries.get_sensor(Visible(organisation_id=ORGANISATION_ID), self.sensors[station])
        assert found is not None
        return found

    def take(self) -> tuple[int, int]:
        """Samples new and samples offered."""
        new = offered = 0
        for path in sorted((openeew() / "records").rglob("*.jsonl.gz")):
            result = read(path, now=NOW)
            assert result.rejected == ()
            imported = self._importer.store(result, ORGANISATION_ID, ORIGIN)
            for account in (imported.account, *self._importer.decide(imported.sensor_ids).values()):
                new, offered = new + account.new, offered + account.offered
            (recording,) = result.recordings
            self.sensors[recording.station] = imported.sensor_ids[0]
            self.offered[path.parts[-3], recording.station] += recording.records
        return new, offered

    def seal(self) -> tuple[int, int]:
        """Bytes and samples of all sealed files."""
        while self.samples.sealer.run(settled=False):
            pass
        files, spans = tables.sealed_file, tables.span
        with self._database.reading() as tx:
            size = tx.execute(select(func.sum(files.c.bytes)).where(files.c.superseded_us.is_(None))).scalar_one()
            in_files = spans.c.file_id.is_not(None)
            return size, tx.execute(select(func.sum(spans.c["count"])).where(in_files)).scalar_one()

    def segments(self, station: str, channel: str) -> Mapping[str, list[Segment]]:
        """By day."""
        found: dict[str, list[Segment]] = {day: [] for day in DAYS}
        for segment in self.samples.reader.segments(self.sensors[station], *ALL_TIME, channel):
            day = "2018_2_16" if segment.start_ns < 1_550_000_000 * 10**9 else "2020_1_24"
            found[day].append(segment)
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    found = Served(tmp_path_factory.mktemp("real"))
    new, offered = found.take()
    distinct = sum(record.values.size for records in found.offered.values() for record in _distinct(records))
    assert (new, offered) == (distinct, sum(one.values.size for records in found.offered.values() for one in records))
    return found


def _whole_day(day: str) -> TimeRange:
    """The hours around its recordings."""
    begin = int(datetime.fromisoformat(f"{DAYS[day]}+00:00").timestamp()) * 10**9
    return TimeRange(start_ns=begin - 6 * 3600 * 10**9, end_ns=begin + 12 * 3600 * 10**9)


def _distinct(records: Sequence[Record]) -> list[Record]:
    return [{record.device_ns: record for record in records}[at] for at in sorted({one.device_ns for one in records})]


def test_every_sample_is_served_once_in_order_and_no_segment_begins_where_no_sample_is_missing(served: Served) -> None:
    for (day, station), offered in served.offered.items():
        records = _distinct(offered)
        spacings = [after.device_ns - before.device_ns for before, after in pairwise(records)]
        usual = float(np.median(spacings))
        gaps = sum(spacing > usual * (1 + 1 / records[0].count) for spacing in spacings)
        for channel, axis in CHANNELS.items():
            segments = served.segments(station, channel)[day]
            assert np.concatenate([one.samples for one in segments]).tolist() == [
                value for record in records for value in record.values[axis].tolist()
            ]
            assert len(segments) == 1 + gaps


def test_all_of_a_device_s_day_has_one_rate_and_obspy_merges_it(served: Served) -> None:
    for day, station in served.offered:
        segments = served.segments(station, "BNZ")[day]
        assert len({segment.sample_rate_hz for segment in segments}) == 1
        stream = Stream(_trace(segment, station) for segment in segments)
        assert len(stream.merge()) == 1


def test_every_sample_is_the_same_through_json_csv_and_miniseed(served: Served) -> None:
    for (day, station), offered in served.offered.items():
        records = _distinct(offered)
        expected = {
            channel: [value for record in records for value in record.values[axis].tolist()]
            for channel, axis in CHANNELS.items()
        }
        wanted = _whole_day(day)
        told: defaultdict[str, list[float]] = defaultdict(list)
        lines: defaultdict[str, list[float]] = defaultdict(list)
        sensor, recordings = served.sensor(station), RecordingReader(served.samples.reader)
        body = msgspec.json.decode(
            msgspec.json.encode(recording(sensor, wanted, None, recordings.segments(sensor, wanted, None), None))
        )
        for segment in body["segments"]:
            told[segment["channel"]] += segment["samples"]
        for row in csv.DictReader(io.StringIO(b"".join(recordings.csv(sensor, wanted, None)).decode())):
            lines[row["channel"]].append(float(row["value"]))
        stream = obspy_read(io.BytesIO(b"".join(recordings.miniseed(sensor, wanted, None))), format="MSEED")
        traces = sorted(stream, key=lambda trace: trace.stats.starttime)
        for channel, values in expected.items():
            assert told[channel] == values
            assert lines[channel] == values
            parts = [trace.data for trace in traces if trace.stats.channel == channel]
            assert np.concatenate(parts).tolist() == values


def test_importing_all_again_changes_nothing(served: Served) -> None:
    before = {station: served.segments(station, "BNZ") for station in served.sensors}
    again = Served.__new__(Served)
    again.__dict__ |= served.__dict__ | {"offered": defaultdict(list)}
    new, offered = again.take()
    assert new == 0
    assert offered > 0
    for station in served.sensors:
        after = served.segments(station, "BNZ")
        for day in DAYS:
            assert [(one.start_ns, one.samples.tolist()) for one in after[day]] == [
                (one.start_ns, one.samples.tolist()) for one in before[station][day]
            ]


def test_the_magnitude_7_earthquake_triggers_four_stations_and_nothing_does_before(served: Served) -> None:
    stations = [station for day, station in served.offered if day == "2018_2_16"]
    traces = [_trace(one, station) for station in stations for one in served.segments(station, "BNZ")["2018_2_16"]]
    for trace in traces:
        trace.data = recursive_sta_lta(trace.data.astype(np.float64) - trace.data.mean(), 32, 320)
    first = coincidence_trigger(None, 3, 1.5, Stream(traces), 4)[0]
    # The times are those published with the data; filtering alone moves such a pick by 0.1 s.
    assert abs(first["time"] - UTCDateTime("2018-02-16T23:39:47.7")) < 0.5
    assert first["stations"][0] == "006"  # of the thirteen the one nearest to the epicentre


def test_all_that_was_recorded_takes_less_than_two_bytes_a_sample_sealed_and_reads_the_same(served: Served) -> None:
    before = {station: served.segments(station, "BNZ") for station in served.sensors}
    size, samples = served.seal()
    assert samples == sum(record.values.size for records in served.offered.values() for record in _distinct(records))
    assert size <= 1.8 * samples
    for station, of_days in before.items():
        for day, segments in served.segments(station, "BNZ").items():
            assert [one.samples.tolist() for one in segments] == [one.samples.tolist() for one in of_days[day]]


def _trace(segment: Segment, station: str) -> Trace:
    facts = {
        "station": station,
        "channel": segment.channel,
        "sampling_rate": segment.sample_rate_hz,
        "starttime": UTCDateTime(ns=segment.start_ns),
    }
    return Trace(segment.samples, facts)
