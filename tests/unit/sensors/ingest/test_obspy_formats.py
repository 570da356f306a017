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
from services.sensors.accounting.rejection import Rejection
from services.sensors.ingest import ReadResult, UnreadableRecording, obspy_formats
from shared.values.timestamps import to_nanoseconds
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
    (known,) = obspy_formats.read(path, now_ns=to_nanoseconds(NOON), inventory=obspy.read_inventory()).recordings
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
        "begins before 1900": trace([1], starttime=UTCDateTime(1599, 1, 1), station="OLD"),
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
    ],
)
def test_samples_of_known_broken_files_are_rejected_with_their_reason(shipped: str, reason: str) -> None:
    result = read(OBSPY / shipped)
    assert result.recordings == ()
    assert any(reason in one.reason and one.samples for one in result.rejected)
    assert result.lines_read == len(result.rejected)


def test_a_broken_file_that_shows_no_sample_is_refused_with_its_reason() -> None:
    with pytest.raises(UnreadableRecording, match="Mismatching checksums"):
        read(OBSPY / "io/gse2/tests/data/loc_RJOB20050831023349.z.wrong_chksum")


def test_what_is_no_record_is_rejected_alone() -> None:
    result = read(OBSPY / "io/mseed/tests/data/brokenlastrecord.mseed")
    assert result.recordings[0].segments[0].samples.size == 5980
    assert [one.reason for one in result.rejected] == ["record 2: its header cannot be read (bytes 4096 to 6301)"]


def test_what_ends_ahead_of_now_is_rejected(tmp_path: Path) -> None:
    now = UTCDateTime(NOON.timestamp())
    in_time, ahead = trace([1, 2], starttime=now + 299), trace([1, 2, 3], starttime=now + 299.99, station="AHEAD")
    result = read(saved(tmp_path, in_time, ahead, trace([1], starttime=UTCDateTime(2098, 1, 1), station="FAR")))
    assert [one.station for one in result.recordings] == ["RJOB"]
    assert [(one.samples, one.kind, one.time) for one in result.rejected] == [
        (3, Rejection.CLOCK_AHEAD, None),
        (1, Rejection.CLOCK_AHEAD, None),
    ]


def records(folder: Path) -> tuple[Path, bytearray]:
    """3,000 samples in records of 512 bytes."""
    samples = np.cumsum(np.random.default_rng(1).integers(-90, 90, 3000)).astype(np.int32)
    path = saved(folder, trace(samples), encoding="STEIM2", reclen=512)
    return path, bytearray(path.read_bytes())


def counts(result: ReadResult) -> tuple[int, int]:
    """Samples that are read, and that are rejected."""
    segments = [one for recording in result.recordings for one in recording.segments]
    return sum(one.samples.size for one in segments), sum(one.samples for one in result.rejected)


@pytest.mark.parametrize("fails_its_check", [True, False])
@pytest.mark.parametrize(
    ("place", "damage"),
    [(22, b"\0\0"), (20, b"\xff"), (6, b"X"), (30, b"\x7f\0")],
    ids=["day 0", "a far year", "no quality", "more samples than it holds"],
)
def test_a_record_that_cannot_be_read_is_rejected_alone(
    tmp_path: Path, place: int, damage: bytes, fails_its_check: bool
) -> None:
    path, content = records(tmp_path)
    begin = 3 * 512 + place
    content[begin : begin + len(damage)] = damage
    if fails_its_check:
        content[512 + 64 + 8 + 3] ^= 1
    path.write_bytes(content)
    kept, rejected = counts(read(path))
    lost = int.from_bytes(content[512 + 30 : 512 + 32], "big") if fails_its_check else 0
    assert 380 < 3000 - kept - lost < 450, "one record"
    assert rejected == lost + (0 if place == 30 else 3000 - kept - lost)


def test_a_record_that_states_more_samples_than_it_holds_is_rejected_alone(tmp_path: Path) -> None:
    """ObsPy reads on behind such a record, and the process may end of it."""
    path = saved(tmp_path, trace(np.arange(1000, dtype=np.int32)), encoding="INT32", reclen=512)
    content = bytearray(path.read_bytes())
    content[2 * 512 + 30] |= 0x80
    path.write_bytes(content)
    result = read(path)
    assert "states 32882 samples, more than it can hold" in result.rejected[0].reason
    assert counts(result) == (1000 - 114, 0)


@pytest.mark.parametrize("left", [40, 100, 511])
def test_a_file_cut_short_keeps_what_came_before_and_says_where(tmp_path: Path, left: int) -> None:
    path, content = records(tmp_path)
    path.write_bytes(content[: 5 * 512 + left])
    result = read(path)
    (rejected,) = result.rejected
    assert f"the file is cut short here, at byte {5 * 512 + left}" in rejected.reason
    assert counts(result)[0] > 1900


def test_headers_of_a_full_seed_volume_and_what_fills_it_up_are_not_rejected(tmp_path: Path) -> None:
    content = bytearray((OBSPY / "io/mseed/tests/data/fullseed.mseed").read_bytes())
    content[20480 + 64 + 8 + 3] ^= 1
    path = tmp_path / "volume"
    path.write_bytes(content + b"\0" * 4096)
    result = read(path)
    assert ["fails its own check" in one.reason for one in result.rejected] == [True]
    assert counts(result) == (623 + 610, 602)


def test_a_steim_record_that_fails_its_own_check_is_rejected_alone(tmp_path: Path) -> None:
    path, content = records(tmp_path)
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
