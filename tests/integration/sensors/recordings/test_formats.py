"""A range of recordings in each format: the same samples, gaps that stay gaps, and names of files."""

import csv
import io
from typing import Any

import obspy
import pytest

from services.sensors.recordings.file_formats import FACTS, Format
from tests.integration.sensors.recordings.scene import ELSEWHERE, HOUR_LATER, MINUTE_LATER, START, Scene, segment

DAY_LATER = "2020-01-25T03:00:00Z"
RANGE: dict[str, Any] = {"start": START, "end": MINUTE_LATER}


def data_of(sensor_id: str) -> str:
    return f"/v1/sensors/{sensor_id}/data"


def test_one_channel_without_a_gap_has_the_product_s_flat_members_too(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60), segment(0, 60, axis="00.HNN", value=10_000))
    both = here.get(data_of(sensor_id), **RANGE).json["data"]
    assert "samples" not in both
    assert [one["channel"] for one in both["segments"]] == ["HNN", "HNZ"]
    told = here.get(data_of(sensor_id), channel="HNZ", **RANGE).json["data"]
    (only,) = told["segments"]
    assert {name: told[name] for name in ("channel", "start_time", "end_time", "sample_rate", "samples")} == {
        name: value for name, value in only.items() if name != "location_code"
    }
    assert (told["sensor_id"], told["samples"], told["sample_rate"]) == (sensor_id, list(range(6000)), 100.0)
    assert (told["start_time"], told["end_time"]) == ("2020-01-24T03:00:00.000000Z", "2020-01-24T03:00:59.990000Z")


def test_a_gap_stays_a_gap_in_every_format_that_can_hold_one(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 10), segment(20, 10, value=2000))
    told = here.get(data_of(sensor_id), channel="HNZ", **RANGE).json["data"]
    assert ("samples" in told, [len(one["samples"]) for one in told["segments"]]) == (False, [1000, 1000])
    rows = csv_rows(here.get(data_of(sensor_id), format="csv", **RANGE))
    times = [row["time"] for row in rows]
    assert (len(rows), times[999], times[1000]) == (
        2000,
        "2020-01-24T03:00:09.990000Z",
        "2020-01-24T03:00:20.000000Z",
    )
    stream = obspy.read(io.BytesIO(here.get(data_of(sensor_id), format="miniseed", **RANGE).content))
    assert [trace.stats.npts for trace in stream.merge(-1)] == [1000, 1000]
    refused = here.get(data_of(sensor_id), format="sac", **RANGE)
    assert (refused.status_code, "2 segments" in refused.json["detail"]) == (400, True)
    assert "format=miniseed" in refused.json["detail"]


def test_start_belongs_to_a_range_and_end_does_not(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    query: dict[str, Any] = {"start": "2020-01-24T03:00:01Z", "end": "2020-01-24T03:00:02Z"}
    expected = list(range(100, 200))
    assert here.get(data_of(sensor_id), **query).json["data"]["samples"] == expected
    assert [int(row["value"]) for row in csv_rows(here.get(data_of(sensor_id), format="csv", **query))] == expected
    for format_ in ("miniseed", "sac"):
        (trace,) = obspy.read(io.BytesIO(here.get(data_of(sensor_id), format=format_, **query).content))
        assert trace.data.tolist() == expected


@pytest.mark.parametrize("format_", Format)
def test_recordings_are_counted_as_of_their_sensor_s_network_in_every_format(here: Scene, format_: Format) -> None:
    sensor_id = here.recorded(segment(0, 60))
    network_id = here.get(f"/v1/sensors/{sensor_id}").json["data"]["network_id"]
    assert here.get(data_of(sensor_id), format=format_.value, **RANGE).status_code == 200
    here.meter.ship()
    records = [record for batch in here.bus.batches for record in batch["records"]]
    assert network_id is not None
    assert [record[16] for record in records if record[5].endswith("/data")] == [network_id]


@pytest.mark.parametrize("format_", [Format.CSV, Format.MINISEED, Format.SAC])
def test_a_format_is_chosen_by_accept_or_by_name(here: Scene, format_: Format) -> None:
    sensor_id = here.recorded(segment(0, 60))
    facts = FACTS[format_]
    accepted = here.get(data_of(sensor_id), headers={"Accept": facts.media_type}, **RANGE)
    named = here.get(data_of(sensor_id), headers={"Accept": "application/json"}, format=format_.value, **RANGE)
    assert accepted.content == named.content != b""
    assert accepted.headers["Content-Type"] == named.headers["Content-Type"] == facts.content_type
    assert named.headers["Vary"].startswith("Accept")
    expected = f'attachment; filename="XX.AAA.20200124T030000Z-20200124T030100Z.{facts.ending}"'
    assert named.headers["Content-Disposition"] == expected


def test_a_stream_goes_on_from_one_hour_to_the_next(here: Scene) -> None:
    sensor_id = here.recorded(segment(3000, 1200, rate_hz=10.0))
    query: dict[str, Any] = {"start": START, "end": "2020-01-24T06:00:00Z"}
    rows = csv_rows(here.get(data_of(sensor_id), format="csv", **query))
    assert [int(row["value"]) for row in rows] == list(range(12_000))
    stream = obspy.read(io.BytesIO(here.get(data_of(sensor_id), format="miniseed", **query).content))
    assert [int(value) for trace in stream for value in trace.data] == list(range(12_000))


@pytest.mark.parametrize(
    ("format_", "end", "limit"), [("json", "2020-01-24T04:00:01Z", 3600), ("sac", DAY_LATER, 21_600)]
)
def test_too_long_a_range_is_refused_with_the_limit(here: Scene, format_: str, end: str, limit: int) -> None:
    sensor_id = here.recorded(segment(0, 60))
    refused = here.get(data_of(sensor_id), start=START, end=end, format=format_)
    assert (refused.status_code, refused.json["type"]) == (400, "https://api.example/problems/range-too-long")
    assert f"the limit is {limit} s" in refused.json["detail"]
    assert here.get(data_of(sensor_id), start=START, end=DAY_LATER, format="miniseed").status_code == 200


@pytest.mark.parametrize("end", [START, "2020-01-24T02:59:59Z"])
@pytest.mark.parametrize("what", ["data", "availability"])
def test_a_range_that_ends_before_it_begins_is_refused(here: Scene, what: str, end: str) -> None:
    sensor_id = here.recorded(segment(0, 60))
    refused = here.get(f"/v1/sensors/{sensor_id}/{what}", start=START, end=end)
    assert (refused.status_code, refused.json["detail"]) == (400, "end: must be later than start")


def test_max_points_keeps_peaks_and_is_for_json_alone(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    told = here.get(data_of(sensor_id), start=START, end=HOUR_LATER, max_points=10).json["data"]
    assert (len(told["samples"]), min(told["samples"]), max(told["samples"])) == (10, 0, 5999)
    assert here.get(data_of(sensor_id), format="csv", max_points=10, **RANGE).status_code == 400


def test_the_vertical_of_another_band_is_found_and_told_by_its_own_code(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60, axis="00.BNZ"), segment(0, 60, axis="00.BN1"))
    assert here.get(data_of(sensor_id), channel="HNZ", **RANGE).json["data"]["channel"] == "BNZ"


def test_a_channel_without_samples_in_the_range_has_the_flat_members_too_and_none_of_them(here: Scene) -> None:
    sensor_id = here.recorded(segment(7200, axis="00.BNZ"), segment(7200, axis="00.BNN"))
    range_told = {"start_time": "2020-01-24T03:00:00.000000Z", "end_time": "2020-01-24T03:01:00.000000Z"}
    known = {"channel": "BNZ", "sample_rate": 100.0, "samples": [], "segments": []} | range_told
    for asked, expected in (("BNZ", known), ("HNZ", known), ("LCQ", known | {"channel": "LCQ", "sample_rate": None})):
        told = here.get(data_of(sensor_id), channel=asked, **RANGE).json["data"]
        assert told == {"sensor_id": sensor_id, "unit": "counts"} | expected
    assert "samples" not in here.get(data_of(sensor_id), **RANGE).json["data"], "both channels were asked for"
    only = here.get(data_of(here.recorded(segment(7200), station="BBB")), **RANGE).json["data"]
    assert (only["channel"], only["samples"]) == ("HNZ", [])
    never = here.get(data_of(here.recorded(station="CCC")), channel="HNZ").json["data"]
    assert [never[name] for name in ("channel", "start_time", "end_time", "samples")] == ["HNZ", None, None, []]


def test_nothing_recorded_is_an_empty_answer_and_no_sac_file(here: Scene) -> None:
    sensor_id = here.recorded()
    assert here.get(data_of(sensor_id), **RANGE).json["data"]["segments"] == []
    assert here.get(data_of(sensor_id), format="miniseed", **RANGE).content == b""
    assert here.get(data_of(sensor_id), format="csv").content == b"sensor_id,channel,location_code,time,value\r\n"
    assert here.get(data_of(sensor_id), format="sac", **RANGE).status_code == 400


def test_the_same_is_not_sent_twice_to_who_has_it(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    first = here.get(data_of(sensor_id), **RANGE)
    again = here.get(data_of(sensor_id), headers={"If-None-Match": first.headers["ETag"]}, **RANGE)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("format_", list(Format))
def test_a_sensor_of_others_is_refused_in_every_format(here: Scene, format_: Format) -> None:
    sensor_id = here.recorded(segment(0, 60))
    foreign = here.get(data_of(sensor_id), ELSEWHERE, format=format_.value, **RANGE)
    unknown = here.get(data_of("sen_" + "0" * 22), format=format_.value, **RANGE)
    assert foreign.status_code == unknown.status_code == 403
    assert told_of(foreign) == told_of(unknown)
    here.meter.ship()
    records = [record for batch in here.bus.batches for record in batch["records"]]
    assert [record[6:8] for record in records] == [[403, 1]] * 2, "who guesses ids spends what is the key's"


def csv_rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def told_of(answer: Any) -> dict[str, Any]:
    return {name: answer.json[name] for name in ("type", "title", "detail", "status")}
