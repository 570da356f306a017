"""Many ranges in one request: each has its result or its own error, and all count as one call."""

from typing import Any

from services.sensors.recordings.http import batch_resource
from tests.integration.sensors.recordings.scene import ELSEWHERE, HOUR_LATER, MINUTE_LATER, START, Scene, segment

BATCH = "/v1/sensors/batch"


def item(sensor_id: str, **different: Any) -> dict[str, Any]:
    return {"sensor_id": sensor_id, "start": START, "end": MINUTE_LATER, **different}


def test_each_request_has_its_result_or_its_error_in_order(here: Scene) -> None:
    first, second = here.recorded(segment()), here.recorded(segment(value=9), station="BBB")
    asked = [item(second), item("sen_nowhere"), item(first, end=START), item(first, max_points=2, channel="BNZ")]
    answer = here.ask("POST", BATCH, json={"requests": asked})
    assert answer.status_code == 200, answer.text
    told = answer.json["data"]
    assert [one["sensor_id"] for one in told] == [second, "sen_nowhere", first, first]
    assert told[0]["result"] == here.get(f"/v1/sensors/{second}/data", start=START, end=MINUTE_LATER).json["data"]
    assert [one["error"]["problem"] for one in told[1:3]] == ["outside-organisation", "invalid-request"]
    assert told[3]["result"]["samples"] == [0, 5999]
    here.meter.ship()
    assert sum(len(batch["records"]) for batch in here.bus.batches) == 2, "one for the batch, one for the comparison"


def test_another_s_sensor_is_as_one_that_never_was(here: Scene) -> None:
    sensor_id = here.recorded(segment())
    asked = {"requests": [item(sensor_id), item("sen_" + "0" * 22)]}
    foreign, unknown = here.ask("POST", BATCH, ELSEWHERE, json=asked).json["data"]
    assert foreign["error"] == unknown["error"]


def test_a_batch_reads_so_many_samples_and_says_which_were_left_out(here: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(batch_resource, "SAMPLES_MAX", 13_000)
    sensor_id = here.recorded(segment(seconds=120))
    asked = [item(sensor_id), item(sensor_id, end=HOUR_LATER), item(sensor_id), item(sensor_id)]
    told = here.ask("POST", BATCH, json={"requests": asked}).json["data"]
    assert ["result" in one for one in told] == [True, False, True, False]
    assert told[1]["error"]["problem"] == "range-too-long"


def test_only_what_is_stored_and_asked_for_counts(here: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(batch_resource, "SAMPLES_MAX", 15_000)
    axes = "00.HNZ", "00.HNN", "00.HNE"
    first = here.recorded(*(segment(axis=axis) for axis in axes))
    other = here.recorded(segment(seconds=20, rate_hz=500), segment(7200, rate_hz=10), station="BBB")
    asked = [
        item(first, channel="HNE"),
        item(first, channel="HNZ"),
        item(other),
        item(first, start="2020-01-24T03:00:58Z", channel="HNN"),
    ]
    told = here.ask("POST", BATCH, json={"requests": asked}).json["data"]
    assert ["result" in one for one in told] == [True, True, False, True], "10,000 of the other's were at 500 Hz"


def test_the_first_range_is_read_whole_as_a_get_reads_it(here: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(batch_resource, "SAMPLES_MAX", 5_999)
    sensor_id = here.recorded(segment())
    empty = item(sensor_id, start=MINUTE_LATER, end=HOUR_LATER)
    asked = [item("sen_nowhere"), empty, item(sensor_id), item(sensor_id), empty]
    told = here.ask("POST", BATCH, json={"requests": asked}).json["data"]
    assert ["result" in one for one in told] == [False, True, True, False, True]


def test_too_many_and_none_are_refused(here: Scene) -> None:
    for asked in ([], [item("s")] * 101, [{"sensor_id": "s"}], [item("s", limit=1)]):
        assert here.ask("POST", BATCH, json={"requests": asked}).status_code == 422


def test_ten_thousand_are_refused_before_they_are_read(here: Scene) -> None:
    refused = here.ask("POST", BATCH, json={"requests": [item("sen_" + "0" * 22)] * 10_000})
    assert refused.status_code == 413
    short = here.ask("POST", BATCH, json={"requests": [{}] * 10_000})
    assert (short.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
