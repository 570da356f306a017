"""OpenEEW JSON lines: good records are kept exactly, bad ones are named, and one does not spoil the other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sensors import ingest
from services.sensors.accounting.rejection import Rejection
from services.sensors.ingest import ReadResult, UnreadableRecording, openeew_message
from tests.examples import NOON

START = 1_518_824_100.0
GOOD: dict[str, Any] = {
    "country_code": "mx",
    "device_id": "000",
    "x": [-0.102, 0.001, 981.337],
    "y": [0.17, 0.109, 0],
    "z": [0.174, -7845.999, 2],
    "device_t": START,
    "cloud_t": START,
    "sr": 31.25,
}


def read(path: Path, *, devices: Path | None = None) -> ReadResult:
    return ingest.read(path, now=NOON, devices=devices)


def written(folder: Path, *lines: object) -> Path:
    """Objects as JSON, bytes as they are."""
    path = folder / "35.jsonl"
    encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(encoded) + b"\n")
    return path


def test_an_archived_record_becomes_exact_milligal_of_three_axes(tmp_path: Path) -> None:
    (recording,) = read(written(tmp_path, GOOD | {"cloud_t": START + 0.4})).recordings
    # Country codes are other networks' codes.
    assert (recording.network, recording.station, recording.name, recording.unit) == ("XX", "000", "000", "mGal")
    (record,) = recording.records
    assert record.values.tolist() == [[-102, 1, 981337], [170, 109, 0], [174, -7845999, 2000]]
    assert record.values.dtype == np.int32
    assert (record.device_ns, record.cloud_ns) == (int(START) * 10**9, int(START) * 10**9 + 400_000_000)
    assert record.source == "35.jsonl:1"


def test_what_is_finer_than_a_milligal_is_kept(tmp_path: Path) -> None:
    (recording,) = read(written(tmp_path, GOOD | {"x": [0.0001, -1.23456, 2]})).recordings
    assert recording.records[0].values[0].tolist() == [0.1, -1234.56, 2000.0]


@pytest.mark.parametrize(
    "live",
    [
        {"device_id": "000", "sr": 31.25, "cloud_t": START, "traces": {"x": [0.1], "y": [0.2], "z": [0.3]}},
        {"device_id": "000", "cloud_t": START, "traces": [{"x": [0.1], "y": [0.2], "z": [0.3]}]},
    ],
)
def test_both_live_shapes_are_read_and_without_a_device_s_clock_only_time_tells(
    tmp_path: Path, live: dict[str, Any]
) -> None:
    (recording,) = read(written(tmp_path, live)).recordings
    assert recording.records == ()
    assert [(one.axis, one.samples.tolist()) for one in recording.segments] == [
        ("x", [100]),
        ("y", [200]),
        ("z", [300]),
    ]
    dated = {"device_t": START} | live
    (recording,) = read(written(tmp_path, dated)).recordings
    assert [record.values.tolist() for record in recording.records] == [[[100], [200], [300]]]


def test_traces_sent_together_follow_each_other_and_end_at_the_stated_time(tmp_path: Path) -> None:
    traces = [{axis: [number / 10] * 32 for axis in "xyz"} for number in (1, 2)]
    message = {"device_id": "000", "cloud_t": START, "device_t": START, "traces": traces}
    (recording,) = read(written(tmp_path, message)).recordings
    records = sorted(recording.records, key=lambda record: record.device_ns)
    assert [record.values[0].tolist() for record in records] == [[100] * 32, [200] * 32]
    assert [record.device_ns for record in records] == [int(START) * 10**9 - 1_024_000_000, int(START) * 10**9]


@pytest.mark.parametrize("times", ["of each", "without the last one's", "of each, and the message's"])
def test_traces_that_have_times_of_their_own_were_all_sent_with_one_delay(tmp_path: Path, times: str) -> None:
    """Sampled at 31.32 Hz where 31.25 is stated: by its stated length the first one would come 21 ms early."""
    ends = [round(START + 32 / 31.32 * number, 6) for number in range(10)]
    traces = [{axis: [number / 10] * 32 for axis in "xyz"} | {"sr": 31.25, "t": t} for number, t in enumerate(ends)]
    message: dict[str, Any] = {"device_id": "000", "cloud_t": ends[-1] + 0.3, "traces": traces}
    if times == "without the last one's":
        del traces[-1]["t"]
    if times != "of each":
        message["device_t"] = ends[-1]
    (recording,) = read(written(tmp_path, message)).recordings
    assert [round(record.point.delay_ns, -4) for record in recording.records] == [300_000_000] * 10
    assert sorted(record.device_ns for record in recording.records) == [round(t * 1e6) * 1000 for t in ends]


def test_a_trace_without_a_time_of_its_own_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    traces: list[dict[str, Any]] = [{axis: [number / 10] * 32 for axis in "xyz"} for number in range(4)]
    traces[2]["t"] = START + 1.1  # a tenth of a second missing before the one after it
    message = {"device_id": "000", "cloud_t": START + 2.4, "device_t": START + 2.2, "traces": traces}
    (recording,) = read(written(tmp_path, message)).recordings
    found = {round(record.device_ns / 1e6 - START * 1e3): record.point.delay_ns for record in recording.records}
    assert found == dict.fromkeys((2200, 1100, 1100 - 1024, 1100 - 2048), 200_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json", "it is not JSON"),
        (b"\xff\xfe\xc3(", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"x": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (json.dumps(GOOD).replace("0.17,", "NaN,").encode(), "a value is not a number"),
        (json.dumps(GOOD | {"comment": "x" * openeew_message.MESSAGE_BYTES_MAX}).encode(), "it is longer than 256 kB"),
        ([1, 2], "it is not a JSON object"),
        ({"a": 1}, "device_id is missing, or is not 1 to 64 visible ASCII characters"),
        (GOOD | {"device_id": 7}, "device_id is missing, or is not 1 to 64 visible ASCII characters"),
        (GOOD | {"x": [1.0]}, "x, y and z differ in length"),
        (GOOD | {"x": [], "y": [], "z": []}, "x is not a list of numbers"),
        (GOOD | {"y": [True, 1, 2]}, "y is not a list of numbers"),
        (GOOD | {"z": "012"}, "z is not a list of numbers"),
        (GOOD | {"traces": [3]}, "traces does not hold objects with x, y and z"),
        (json.dumps(GOOD).replace("0.17,", "1e999,").encode(), "a value is above 20000 gal, beyond every sensor"),
        (GOOD | {"x": [1, 2, 10**400]}, "a value is above 20000 gal, beyond every sensor"),
        (GOOD | {"cloud_t": 0}, "cloud_t is before 2010: the clock was never set"),
        (GOOD | {"device_t": 12.5}, "device_t is before 2010: the clock was never set"),
        (GOOD | {"cloud_t": NOON.timestamp() + 301}, "cloud_t is more than 5 minutes ahead"),
        (GOOD | {"cloud_t": "2018"}, "cloud_t is not a time in Unix seconds"),
        (GOOD | {"device_t": 1e300}, "device_t is not a time in Unix seconds"),
        (GOOD | {"cloud_t": None, "device_t": None}, "it has neither cloud_t nor device_t"),
        (GOOD | {"sr": 0}, "sr is not a sample rate from 1 to 1000 Hz"),
        (GOOD | {"sr": 1e9}, "sr is not a sample rate from 1 to 1000 Hz"),
    ],
)
def test_a_bad_line_is_named_with_its_reason_and_the_good_ones_are_kept(
    tmp_path: Path, line: object, reason: str
) -> None:
    later = GOOD | {"device_t": START + 60, "cloud_t": START + 60}
    result = read(written(tmp_path, GOOD, b"", line, later))
    assert [(one.line, one.reason) for one in result.rejected] == [(3, reason)]
    assert result.lines_read == 3
    assert len(result.recordings[0].records) == 2


def test_a_file_in_which_no_line_is_a_record_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match="2 of 2 lines are not OpenEEW records, line 1: it is not JSON"):
        read(written(tmp_path, b"{", {"a": 1}))


def test_many_bad_lines_cost_no_good_one_and_their_samples_are_all_counted(tmp_path: Path) -> None:
    bad = GOOD | {"device_t": 1e9}
    lines = *[b"x"] * 9_990, *[bad] * 30, bad | {"device_id": "2"}, GOOD | {"sr": 0}
    result = read(written(tmp_path, GOOD, *lines, GOOD))
    assert len(result.recordings[0].records) == 2
    assert result.lines_read == 10_024
    assert sum(one.samples for one in result.rejected) == 32 * 9
    more = [(one.of and one.of.name, one.reason[:8], one.samples) for one in result.rejected if one.line is None]
    assert more == [("000", "device_t", 180), ("2", "device_t", 9), ("000", "sr is no", 9)]


def test_a_file_of_which_every_line_is_rejected_gives_their_samples(tmp_path: Path) -> None:
    result = read(written(tmp_path, *[GOOD | {"device_t": 1e9}] * 80))
    assert (result.recordings, result.lines_read) == ((), 80)
    assert sum(one.samples for one in result.rejected) == 80 * 9
    assert {one.kind for one in result.rejected} == {Rejection.CLOCK_NEVER_SET}


def test_a_rejected_line_tells_how_many_samples_it_shows(tmp_path: Path) -> None:
    not_a_number = json.dumps(GOOD).replace("0.17,", "NaN,").encode()
    result = read(written(tmp_path, GOOD, GOOD | {"sr": 0}, b"{", not_a_number))
    assert [one.samples for one in result.rejected] == [9, 0, 9]


def test_devices_of_one_file_become_recordings_of_their_own(tmp_path: Path) -> None:
    result = read(written(tmp_path, GOOD, GOOD | {"device_id": "A8032A4DD5F0"}, GOOD | {"device_id": "001"}))
    assert [one.name for one in result.recordings] == ["000", "001", "A8032A4DD5F0"]
    stations = [one.station for one in result.recordings]
    assert stations[:2] == ["000", "001"]
    assert len(set(stations)) == 3
    assert all(len(station) <= 5 and station.isalnum() for station in stations)


def test_coordinates_come_from_the_nearest_devices_file_and_elevation_zero_means_unknown(tmp_path: Path) -> None:
    folder = tmp_path / "records" / "2018" / "000"
    folder.mkdir(parents=True)
    near, other = tmp_path / "devices.json", tmp_path / "other.json"
    near.write_text(json.dumps([{"device_id": "000", "latitude": 19.33, "longitude": -99.18, "elev": 0}]))
    other.write_text(json.dumps([{"device_id": "000", "latitude": 16.0, "longitude": "far", "elev": 12}]))
    path = written(folder, GOOD, GOOD | {"device_id": "001"})
    known, unknown = read(path).recordings
    assert (known.latitude, known.longitude, known.elevation_m) == (19.33, -99.18, None)
    assert (unknown.latitude, unknown.longitude, unknown.elevation_m) == (None, None, None)
    named, _ = read(path, devices=other).recordings
    assert (named.latitude, named.longitude, named.elevation_m) == (None, None, 12.0)


def test_a_device_is_where_it_was_in_the_period_of_the_recording(tmp_path: Path) -> None:
    periods = [
        {"device_id": "000", "latitude": 16.0, "longitude": -98.0, "effective_from": "2019-01-01T00:00:00Z"},
        {"device_id": "000", "latitude": 17.0, "longitude": -99.0, "effective_from": 1_500_000_000},
    ]
    (tmp_path / "devices.jsonl").write_text("\n".join(map(json.dumps, periods)))
    assert read(written(tmp_path, GOOD)).recordings[0].latitude == 17.0
    later = GOOD | {"device_t": 1.6e9, "cloud_t": 1.6e9}
    assert read(written(tmp_path, later)).recordings[0].latitude == 16.0


def test_a_list_of_devices_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    listed = [{"device_id": "000", "latitude": 19.33, "longitude": -99.18}]
    (tmp_path / "devices.json").write_text(json.dumps(listed), encoding="utf-8-sig")
    assert read(written(tmp_path, GOOD)).recordings[0].latitude == 19.33


def test_a_named_devices_file_must_be_one_but_a_stray_one_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "devices.json").write_text("{}")
    path = written(tmp_path, GOOD)
    assert read(path).recordings[0].latitude is None
    with pytest.raises(UnreadableRecording, match="not a list of devices"):
        read(path, devices=tmp_path / "devices.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*GOOD, "traces"]), JSON, max_size=3))
def test_whatever_a_record_holds_it_is_read_or_rejected(tmp_path: Path, changes: dict[str, Any]) -> None:
    result = read(written(tmp_path, GOOD, GOOD | changes))
    assert result.lines_read == 2
    assert len(result.rejected) <= 1
