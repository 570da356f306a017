"""Grillo's own recordings of two Mexican earthquakes, read as anyone would import them."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.signal.trigger import coincidence_trigger, recursive_sta_lta

from services.sensors.ingest import Recording, read
from services.sensors.store.miniseed.codec import decode, encode
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.waveform import Segment, uncovered

REPOSITORY = Path(__file__).resolve().parents[4]


def openeew() -> Path:
    """The folder with records/ and devices.json, which lies outside the repository."""
    folder = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
    for name in ("records/2018_2_16", "records/2020_1_24", "devices.json"):
        if not (folder / name).exists():
            pytest.fail(f"the real recordings are missing: no {folder / name}; set GRILLO_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="module")
def recordings() -> Mapping[str, Recording]:
    """By day/device/minute."""
    found = {}
    for path in sorted((openeew() / "records").rglob("*.jsonl.gz")):
        result = read(path)
        assert (len(result.recordings), result.rejected) == (1, ())
        found[f"{path.parts[-3]}/{path.parts[-2]}/{path.name[:2]}"] = result.recordings[0]
    assert len(found) == 47
    return found


def one_channel(recording: Recording, channel: str) -> list[Segment]:
    return [segment for segment in recording.segments if segment.channel == channel]


def test_five_minutes_are_one_segment_save_where_packets_are_missing(recordings: Mapping[str, Recording]) -> None:
    segment_counts = {name: len(one_channel(recording, "BNZ")) for name, recording in recordings.items()}
    gappy = {"2020_1_24/013/45": 3, "2020_1_24/029/45": 4}
    assert segment_counts == dict.fromkeys(recordings, 1) | gappy


def test_each_station_has_its_place_and_states_the_rate_it_really_has(recordings: Mapping[str, Recording]) -> None:
    for name, recording in recordings.items():
        assert (recording.network, recording.station) == ("MX", name.split("/")[1])
        assert recording.latitude is not None
        assert 15 < recording.latitude < 20
        rates = (30.0, 30.4) if name.startswith("2018") else (31.0, 31.4)
        assert all(rates[0] < segment.sample_rate_hz < rates[1] for segment in recording.segments)


def test_the_next_file_of_a_device_continues_the_one_before(recordings: Mapping[str, Recording]) -> None:
    for name, recording in recordings.items():
        if name.endswith("/35"):
            before = one_channel(recording, "BNZ")[-1]
            after = one_channel(recordings[name.replace("/35", "/40")], "BNZ")[0]
            step_ns = after.start_ns - before.time_ns(before.samples.size)
            assert abs(step_ns) < 32_000_000  # a sample's interval
            kept = sum(part.samples.size for part in uncovered(after, [before.extent]))
            assert after.samples.size - kept <= 1


def test_encoded_and_decoded_they_are_the_same(recordings: Mapping[str, Recording]) -> None:
    for recording in recordings.values():
        codes = Codes(network=recording.network, station=recording.station, location="", channel="BN1")
        for segment in one_channel(recording, "BN1"):
            content = b"".join(encode(codes, segment.start_ns, segment.sample_rate_hz, segment.samples))
            assert decode(content).tobytes() == segment.samples.tobytes()


@pytest.mark.parametrize(("channel", "first_trigger"), [("BN1", "23:39:47.7"), ("BNZ", "23:39:48.1")])
def test_the_magnitude_7_earthquake_triggers_four_stations_and_nothing_does_before(
    recordings: Mapping[str, Recording], channel: str, first_trigger: str
) -> None:
    stream = Stream(
        on_and_on(recordings[name], recordings[name.replace("/35", "/40")], channel)
        for name in recordings
        if name.endswith("/35")
    )
    first = coincidence_trigger(None, 3, 1.5, stream, 4)[0]
    # The times are those published with the data; filtering alone moves such a pick by 0.1 s.
    assert abs(first["time"] - UTCDateTime(f"2018-02-16T{first_trigger}")) < 0.3
    assert first["stations"][0] == "006"  # of the thirteen the one nearest to the epicentre


def on_and_on(before: Recording, after: Recording, channel: str) -> Trace:
    """STA/LTA over both files of a device, for the averages to run on; true to the first file's clock."""
    (first,), (second,) = one_channel(before, channel), one_channel(after, channel)
    samples = np.concatenate([first.samples, second.samples]).astype(np.float64)
    facts = {
        "station": before.station,
        "sampling_rate": first.sample_rate_hz,
        "starttime": UTCDateTime(ns=first.start_ns),
    }
    return Trace(recursive_sta_lta(samples - samples.mean(), 32, 320), facts)
