"""What there is of a sensor's recordings: spans, gaps with their reasons, differing values, in pages."""

from typing import Any

import numpy as np

from services.sensors.accounting.rejection import RejectedTime
from services.sensors.arrival.record import Record
from services.sensors.epochs.statements import EpochStatements
from services.sensors.ingest.recording import ReadResult, RejectedLine, Station
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.epoch import Facts
from services.sensors.store.even_times import NS
from tests.examples import ORIGIN
from tests.gate_examples import ORGANISATION
from tests.integration.sensors.recordings.scene import HOUR_LATER, START, START_NS, Scene, segment


def rows(here: Scene, sensor_id: str, **query: Any) -> Any:
    answer = here.get(f"/v1/sensors/{sensor_id}/availability", **{"start": START, "end": HOUR_LATER, **query})
    assert answer.status_code == 200, answer.text
    return answer.json


def short(told: Any) -> list[tuple[str, str, str, str]]:
    return [(one["kind"], one["channel"], one["start_time"][14:21], one["end_time"][14:21]) for one in told["data"]]


def test_spans_and_gaps_fill_the_range(here: Scene) -> None:
    sensor_id = here.recorded(segment(60, 60), segment(180, 60, value=9), segment(240, 60, value=10))
    told = rows(here, sensor_id)
    assert short(told) == [
        ("gap", "HNZ", "00:00.0", "01:00.0"),
        ("span", "HNZ", "01:00.0", "01:59.9"),
        ("gap", "HNZ", "02:00.0", "03:00.0"),
        ("span", "HNZ", "03:00.0", "04:59.9"),
        ("gap", "HNZ", "05:00.0", "00:00.0"),
    ]
    assert [one.get("samples") for one in told["data"]] == [None, 6000, None, 12_000, None]
    assert {one.get("reason") for one in told["data"]} == {None, "nothing-arrived"}


def test_it_is_the_same_when_the_samples_are_sealed(here: Scene) -> None:
    sensor_id = here.recorded(segment(60, 600), segment(1200, 600), segment(60, 600, axis="00.HNN"))
    before = rows(here, sensor_id)["data"]
    here.sensors.samples.sealer.run(settled=False)
    assert rows(here, sensor_id)["data"] == before
    cut = rows(here, sensor_id, start="2020-01-24T03:02:00.005Z", end="2020-01-24T03:03:00Z", channel="HNZ")["data"]
    assert [(one["kind"], one["samples"]) for one in cut] == [("span", 5999)]


def test_differing_values_are_listed_with_both(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 3600))
    here.recorded(segment(60, 10, value=-5000))
    (differing,) = [one for one in rows(here, sensor_id)["data"] if one["kind"] == "differing"]
    assert (differing["samples"], differing["start_time"][14:19]) == (1000, "01:00")
    assert differing["kept"] == {"least": 6000, "greatest": 6999}
    assert differing["offered"] == {"least": -5000, "greatest": -4001}


def test_a_gap_whose_records_wait_for_their_era_says_so(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    values = np.zeros((3, 32), np.int32)
    at_ns = START_NS + 1800 * NS
    early = Record(device_ns=NS, cloud_ns=at_ns, rate_hz=31.25, values=values, source="made up")
    for record in (early,):
        here.sensors.arrival.take(sensor_id, [record])
    (gap,) = [one for one in rows(here, sensor_id)["data"] if one["kind"] == "gap"]
    assert gap["reason"] == "waiting"


def test_a_gap_whose_samples_were_rejected_says_so_and_no_other_does(here: Scene) -> None:
    axes = "00.HNZ", "00.HNN"
    sensor_id = here.recorded(*(segment(at, 60, axis=axis) for axis in axes for at in (0, 300, 3540)))
    rejected(here, RejectedTime(start_ns=START_NS + 130 * NS, end_ns=START_NS + 140 * NS, axis="00.HNZ"))
    told = rows(here, sensor_id)["data"]
    gaps = [(one["channel"], one["start_time"][14:19], one["reason"]) for one in told if one["kind"] == "gap"]
    assert gaps == [
        ("HNN", "01:00", "nothing-arrived"),
        ("HNN", "06:00", "nothing-arrived"),
        ("HNZ", "01:00", "rejected"),
        ("HNZ", "06:00", "nothing-arrived"),
    ]
    rejected(here, RejectedTime(start_ns=START_NS + 3000 * NS, end_ns=START_NS + 3100 * NS))
    told = rows(here, sensor_id)["data"]
    assert [one["reason"] for one in told if one["kind"] == "gap"] == ["nothing-arrived", "rejected"] + 2 * ["rejected"]


def test_an_axis_whose_codes_were_corrected_still_tells_what_was_rejected(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    rejected(here, RejectedTime(start_ns=START_NS + 130 * NS, end_ns=START_NS + 140 * NS, axis="00.HNZ"))
    stated = Facts(location_code="10", channel_code="EHZ")
    epoch = StateEpoch(axis="00.HNZ", starts_at=None, ends_at=None, facts=stated, source="made up")
    EpochStatements(here.sensors.store, here.sensors.samples.store, here.clock).state(sensor_id, [epoch], ORIGIN)
    (gap,) = [one for one in rows(here, sensor_id)["data"] if one["kind"] == "gap"]
    assert (gap["location_code"], gap["channel"], gap["reason"]) == ("10", "EHZ", "rejected")


def rejected(here: Scene, time: RejectedTime) -> None:
    """A line of the sensor's."""
    line = RejectedLine(line=1, reason="made up", samples=1, of=Station(network="XX", station="AAA"), time=time)
    result = ReadResult(recordings=(), lines_read=1, rejected=(line,))
    here.sensors.importer.store(result, ORGANISATION, ORIGIN)


def test_a_channel_without_a_sample_in_the_range_is_one_gap(here: Scene) -> None:
    sensor_id = here.recorded(segment(7200, 60))
    assert short(rows(here, sensor_id)) == [("gap", "HNZ", "00:00.0", "00:00.0")]


def test_a_device_whose_rate_was_another_has_no_gap_under_the_code_of_either(here: Scene) -> None:
    sensor_id = here.recorded(
        segment(0, 1800, axis="x", rate_hz=31.25), segment(1800, 600, axis="x", rate_hz=100), segment(7200, axis="x")
    )
    told = [
        ("span", "BNZ", "00:00.0", "29:59.9"),
        ("span", "HNZ", "30:00.0", "39:59.9"),
        ("gap", "HNZ", "40:00.0", "00:00.0"),
    ]
    assert short(rows(here, sensor_id)) == told
    before = "2020-01-24T03:30:00Z"
    assert short(rows(here, sensor_id, end=before)) == told[:1], "there is no HNZ that could have a gap"
    assert short(rows(here, sensor_id, channel="HNZ")) == told[1:]


def test_two_axes_of_one_code_are_one_channel(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 1800, axis=".HNZ"), segment(1800, 1800, axis="x"), segment(700, 20, axis="x"))
    assert {one["kind"] for one in rows(here, sensor_id)["data"]} == {"span"}


def test_pages_by_number_and_by_cursor_show_all(here: Scene) -> None:
    sensor_id = here.recorded(*(segment(60 * number, 30, value=number) for number in range(10)))
    whole = rows(here, sensor_id)
    assert whole["pagination"]["total"] == 20
    pages = [rows(here, sensor_id, limit=7, page=number) for number in (1, 2, 3, 4)]
    assert [one for page in pages for one in page["data"]] == whole["data"]
    cursor, found = pages[0]["pagination"]["next_cursor"], pages[0]["data"]
    while cursor:
        following = rows(here, sensor_id, limit=7, cursor=cursor)
        found, cursor = found + following["data"], following["pagination"]["next_cursor"]
    assert found == whole["data"]


def test_more_than_a_month_is_too_long(here: Scene) -> None:
    sensor_id = here.recorded(segment())
    answer = here.get(f"/v1/sensors/{sensor_id}/availability", start="1926-01-01", end="2026-01-01")
    assert (answer.status_code, answer.json["type"]) == (400, "https://api.example/problems/range-too-long")
