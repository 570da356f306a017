"""Waveform files as seismologists have them."""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import pytest
from obspy import Stream, Trace, UTCDateTime

from services.sensors import ingest
from services.sensors.ingest import ReadResult, UnreadableRecording, obspy_formats
from tests.examples import NOON

START = UTCDateTime("2018-02-16T23:39:39")
OBSPY = Path(obspy.__file__).parent


def read(path: Path) -> ReadResult:
    return ingest.read(path, now=NOON)


def trace(samples: Any, **header: Any) -> Trace:
    facts = {"network": "BW", "station": "RJOB", "channel": "EHZ", "starttime": START, "sampling_rate": 100.0}
    return Trace(np.array(samples, dtype=np.int32) if isinstance(samples, list) else samples, facts | header)


def saved(folder: Path, *traces: Trace, format: str = "MSEED", **options: Any) -> Path:
    path = folder / "recording"
    Stream(traces).write(str(path), format=format, **options)
    return path


@pytest.mark.parametrize("format", ["MSEED", "GSE2", "SLIST", "TSPAIR"])
def test_integers_stay_integers_in_every_format_that_has_them(tmp_path: Path, format: str) -> None:
    samples = np.array([0, 1, -2, 2**20, 7], dtype=np.int32)
    result = read(saved(tmp_path, trace(samples), format=format))
    (segment,) = result.recordings[0].segments
    assert segment.samples.dtype == np.int32
    assert segment.samples.tolist() == samples.tolist()
    assert (segment.axis, segment.start_ns, segment.rate_hz) == (".EHZ", START.ns, 100.0)
    assert (result.recordings[0].unit, result.rejected) == ("counts", ())


def test_a_sac_file_keeps_its_floats_and_tells_where_it_stood(tmp_path: Path) -> None:
    samples = np.array([0.1, -2.5, 1e-9], dtype=np.float32)
    header = {"stla": -43.57641, "stlo": 172.6231, "stel": 55.0}
    (recording,) = read(saved(tmp_path, trace(samples, sac=header), format="SAC")).recordings
    assert recording.segments[0].samples.tobytes() == samples.tobytes()
    assert (recording.latitude, recording.longitude, recording.elevation_m) == (-43.57641, 172.6231, 55.0)


def test_an_inventory_gives_place_and_name_and_without_one_they_stay_unknown(tmp_path: Path) -> None:
    path = saved(tmp_path, trace([1, 2]))
    (known,) = obspy_formats.read(path, inventory=obspy.read_inventory()).recordings
    assert (known.name, known.latitude, known.elevation_m) == ("Jochberg, Bavaria, BW-Net", 47.737167, 860.0)
    (unknown,) = read(path).recordings
    assert (unknown.name, unknown.latitude, unknown.longitude, unknown.elevation_m) == (None, None, None, None)


def test_stations_become_recordings_and_gaps_stay_gaps(tmp_path: Path) -> None:
    first, later, other = trace([1, 2, 3]), trace([4, 5], starttime=START + 10), trace([6], station="FUR")
    rjob_last = read(saved(tmp_path, later, other, first)).recordings
    assert [one.station for one in rjob_last] == ["FUR", "RJOB"]
    assert [one.samples.tolist() for one in rjob_last[1].segments] == [[4, 5], [1, 2, 3]]


def test_samples_that_are_no_number_are_rejected_and_leave_a_gap(tmp_path: Path) -> None:
    samples = np.array([1.5, np.nan, np.inf, 2.5, 3.5])
    result = read(saved(tmp_path, trace(samples)))
    (recording,) = result.recordings
    assert [one.samples.tolist() for one in recording.segments] == [[1.5], [2.5, 3.5]]
    assert recording.segments[1].start_ns == START.ns + 30_000_000
    assert [(one.line, one.samples) for one in result.rejected] == [(1, 2)]


def test_a_trace_with_an_impossible_header_is_left_out_alone(tmp_path: Path) -> None:
    good = trace([1, 2])
    bad = {
        "not SEED codes": trace([1], station="AKT013"),
        "begins in the year 1599": trace([1], starttime=UTCDateTime(1599, 1, 1), station="OLD"),
        "do not fit into 32 bits": trace(np.array([2**40]), station="BIG"),
        "rate of 32768.5 Hz": trace([1], sampling_rate=32768.5, station="FAST"),
        "rate of 1e-09 Hz": trace([1], sampling_rate=1e-9, station="SLOW"),
    }
    result = read(saved(tmp_path, good, *bad.values(), format="SLIST"))
    assert [one.station for one in result.recordings] == ["RJOB"]
    assert [(one.line, one.samples) for one in result.rejected] == [(line, 1) for line in range(2, 7)]
    assert all(words in one.reason for words, one in zip(bad, result.rejected, strict=True))


@pytest.mark.parametrize(
    ("shipped", "reason"),
    [
        ("io/mseed/tests/data/rt130_sr0_cropped.mseed", "sample rate of 0.0 Hz"),
        ("io/mseed/tests/data/encoding/fullASCII_bigEndian.mseed", "samples of type"),
        ("io/mseed/tests/data/infinite-loop.mseed", "only decoded 184 samples"),
        ("io/gse2/tests/data/loc_RJOB20050831023349.z.wrong_chksum", "Mismatching checksums"),
    ],
)
def test_known_broken_files_are_refused_with_their_reason(shipped: str, reason: str) -> None:
    with pytest.raises(UnreadableRecording, match=reason):
        read(OBSPY / shipped)


def test_what_a_reader_remarks_is_told_and_rejects_nothing() -> None:
    result = read(OBSPY / "io/mseed/tests/data/brokenlastrecord.mseed")
    assert result.recordings[0].segments
    assert "Not a SEED record" in result.warnings[0]
    assert result.rejected == ()


def test_a_steim_record_that_fails_its_own_check_is_rejected_alone(tmp_path: Path) -> None:
    samples = np.cumsum(np.random.default_rng(1).integers(-90, 90, 3000)).astype(np.int32)
    path = saved(tmp_path, trace(samples), encoding="STEIM2", reclen=512)
    content = bytearray(path.read_bytes())
    whole = read(path).recordings[0].segments
    content[512 + 64 + 8 + 3] ^= 1  # the value that decoding of the second record has to end with
    path.write_bytes(content)
    result = read(path)
    (rejected,) = result.rejected
    assert "record 2 fails its own check" in rejected.reason
    kept = sum(one.samples.size for one in result.recordings[0].segments)
    assert kept + rejected.samples == sum(one.samples.size for one in whole) == 3000


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    path = tmp_path / "stream.pickle"
    # ObsPy unpickles what holds this name early on, to see whether it is a Stream: running what is inside.
    path.write_bytes(pickle.dumps(("obspy.core.stream", Touch(opened)), protocol=0))
    with pytest.raises(UnreadableRecording):
        read(path)
    assert not opened.exists()
    obspy.core.stream._is_pickle(str(path))
    assert opened.exists()


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_bytes_that_obspy_writes_need_no_file_name_to_be_known(tmp_path: Path) -> None:
    content = BytesIO()
    Stream([trace(np.arange(5, dtype=np.int32))]).write(content, format="MSEED")
    path = tmp_path / "35.jsonl"
    path.write_bytes(content.getvalue())
    assert read(path).recordings[0].station == "RJOB"
