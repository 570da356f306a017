"""What a key did, over HTTP: the requests counted, what is left of its limits, and ranges that make sense."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.usage.activity import resources
from services.usage.activity.file.made_by_child import made_by_child
from services.usage.activity.file.messages import Job
from services.usage.api import BUCKETS_MAX
from services.usage.counters.question_bounds import Bounds
from services.usage.counters.statistics import Statistics
from shared.contracts.errors import Unavailable
from shared.contracts.usage import RequestMetered
from shared.runtime.clock import ManualClock
from shared.values.timestamps import from_rfc3339, rfc3339
from shared.web.requests import cursor
from tests.integration.web.asking import problem
from tests.integration.web.management import Management, management
from tests.usage_examples import record


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Management]:
    """Its clock stands still: no minute, hour or day ends during a test."""
    api = management(tmp_path, clock=ManualClock(datetime.now(UTC)))
    yield api
    api.close()


@pytest.fixture
def key_id(api: Management) -> str:
    created: str = api.create(limits={"minute": 5, "day": 20})["id"]
    api.usage.subscription.pull()
    return created


RANGE = {"from": "2026-11-23T08:00:00Z", "to": "2026-11-23T10:00:00Z", "step": "hour"}


def usage(api: Management, key_id: str, **params: Any) -> Any:
    answer = api.ask("GET", f"/v1/keys/{key_id}/usage", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def count(api: Management, key_id: str, *moments: datetime) -> None:
    records = tuple(record(key_id=key_id, at=moment) for moment in moments)
    api.usage.metering.take_in(RequestMetered(segment="segment", start=0, end=1, records=records))


def test_a_key_that_was_not_used_has_all_of_its_limits_left(api: Management, key_id: str) -> None:
    assert usage(api, key_id, **RANGE) == {
        **RANGE,
        "total": 0,
        "bytes": 0,
        "by_class": {},
        "duration_ms": {"p50": None, "p95": None, "p99": None},
        "series": [],
        "routes": {},
        "networks": {},
        "quota": {"minute": {"used": 0, "left": 5}, "day": {"used": 0, "left": 20}},
        "forecast": {"day_exhausted_at": None},
    }


def test_requests_are_counted_by_step_route_and_status_and_against_the_limits(api: Management, key_id: str) -> None:
    now = api.usage.clock.now()
    count(api, key_id, now, now - timedelta(hours=2))
    shown = usage(api, key_id, step="hour")
    assert (shown["total"], shown["routes"]) == (2, {"/v1/sensors": 2})
    assert [bucket["requests"] for bucket in shown["series"]] == [1, 1]
    assert {status for bucket in shown["series"] for status in bucket["by_status"]} == {"200"}
    assert from_rfc3339(shown["series"][1]["start"]) == now.replace(minute=0, second=0, microsecond=0)
    assert shown["quota"]["minute"] == {"used": 1, "left": 4}
    recent = usage(api, key_id, step="minute", **{"from": rfc3339(now - timedelta(minutes=1))})
    assert recent["total"] == 1


def test_requests_are_summed_by_network_of_a_key_and_of_its_organisation_alone(api: Management, key_id: str) -> None:
    now, other = api.usage.clock.now(), api.another_organisation()
    mine: dict[str, Any] = {"key_id": key_id, "organisation_id": api.organisation_id, "at": now}
    foreign = mine | {"key_id": "key_of_another", "organisation_id": "org_of_another", "network_id": "net_3"}
    about = [mine | {"network_id": network} for network in ("net_1", "net_1", "net_2", None)]
    records = tuple(record(**fields) for fields in (*about, foreign))
    api.usage.metering.take_in(RequestMetered(segment="segment", start=0, end=1, records=records))
    for path in (f"/v1/keys/{key_id}/usage", "/v1/usage"):
        shown = api.ask("GET", path).json
        assert (shown["total"], shown["networks"]) == (4, {"net_1": 2, "net_2": 1})
    assert api.ask("GET", "/v1/usage", key=other).json["networks"] == {}


@pytest.mark.parametrize("resource", ["usage", "activity"])
def test_what_a_key_did_is_told_before_usage_has_followed_the_log_until_it_is_deleted(
    api: Management, resource: str
) -> None:
    created, other = api.create()["id"], api.another_organisation()
    path = f"/v1/keys/{created}/{resource}"
    assert api.ask("GET", path).status_code == 200
    problem(api.ask("GET", path, key=other), 404, "not-found")
    api.usage.subscription.pull()
    assert api.ask("DELETE", f"/v1/keys/{created}").status_code == 200
    problem(api.ask("GET", path), 404, "not-found")


def test_an_unlimited_day_has_no_number_left(api: Management) -> None:
    created = api.create()
    assert usage(api, created["id"])["quota"]["day"] == {"used": 0, "left": None}


def test_a_range_is_echoed_as_it_was_widened_to_whole_steps(api: Management, key_id: str) -> None:
    asked = {"from": "2026-11-23T10:59:59+02:00", "to": "2026-11-23t09:00:00.000001z", "step": "hour"}
    days = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z", "step": "day"}
    for path in (f"/v1/keys/{key_id}/usage", "/v1/usage"):
        for params, told in ((asked, RANGE), (asked | {"step": "day"}, days)):
            shown = api.ask("GET", path, params=params).json
            assert {name: shown[name] for name in told} == told


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "invalid-request"),
        ({"from": "9999-12-31T23:59:59Z"}, "invalid-request"),
        ({"to": "0001-01-01T00:00:00Z"}, "invalid-request"),
        ({"to": "0001-01-01T00:00:00+14:00"}, "invalid-request"),
        ({"from": "2026-01-01"}, "invalid-request"),
        ({"from": "2026-01-01T00:00:00"}, "invalid-request"),
        ({"step": "second"}, "invalid-request"),
        ({"step": "DAY"}, "invalid-request"),
        ({"since": "2026-01-01T00:00:00Z"}, "invalid-request"),
        ({"from": "0001-01-01T00:00:00Z"}, "range-too-long"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "step": "minute"}, "range-too-long"),
    ],
    ids=str,
)
def test_a_range_that_makes_no_sense_is_refused(
    api: Management, key_id: str, params: dict[str, str], name: str
) -> None:
    answer = api.ask("GET", f"/v1/keys/{key_id}/usage", params=params)
    body = problem(answer, 400, name)
    assert name != "range-too-long" or str(BUCKETS_MAX) in body["detail"]


def test_the_ends_of_time_are_ranges_like_any_other(api: Management, key_id: str) -> None:
    for params in (
        {"from": "0001-01-01T00:00:00Z", "to": "0001-01-01T00:00:00Z"},
        {"from": "9999-12-31T23:00:00Z", "to": "9999-12-31T23:59:59.999999Z", "step": "minute"},
    ):
        assert usage(api, key_id, **params)["total"] == 0


def test_the_organisation_sees_its_keys_together_and_each(api: Management, key_id: str) -> None:
    other = api.another_organisation()
    now = api.usage.clock.now()
    mine = tuple(
        record(key_id=key_id, organisation_id=api.organisation_id, at=now, status=status) for status in (200, 429)
    )
    foreign = record(key_id="key_of_another", organisation_id="org_of_another", at=now)
    metered = RequestMetered(segment="segment", start=0, end=1, records=(*mine, foreign))
    api.usage.metering.take_in(metered)
    shown = api.ask("GET", "/v1/usage").json
    assert (shown["total"], shown["bytes"], shown["by_class"]) == (2, 20, {"2xx": 1, "4xx": 1})
    assert [(key["key_id"], key["requests"]) for key in shown["keys"]] == [(key_id, 2)]
    assert api.ask("GET", "/v1/usage", key=other).json["total"] == 0
    problem(api.ask("GET", "/v1/usage", params={"from": "0001-01-01T00:00:00Z"}), 400, "range-too-long")


WIDE = {"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z", "step": "day"}


def test_while_a_wide_question_is_answered_its_organisation_asks_no_other_and_narrow_ones_as_before(
    api: Management, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_meanwhile = list[Any]()

    def summary(self: Statistics, *of: Any) -> Any:
        monkeypatch.setattr(Statistics, "summary", before)
        for path, params in (
            ("/v1/usage", WIDE),
            (f"/v1/keys/{key_id}/activity", {"status": "4xx"}),
            (f"/v1/keys/{key_id}/usage", RANGE),
        ):
            asked_meanwhile.append(api.ask("GET", path, params=params))
        asked_meanwhile.append(api.ask("GET", f"/v1/keys/{key_id}/activity", headers={"Accept": "text/csv"}))
        return before(self, *of)

    before = Statistics.summary
    monkeypatch.setattr(Statistics, "summary", summary)
    assert usage(api, key_id, **WIDE)["total"] == 0
    whole, picked, narrow, file = asked_meanwhile
    for refused in (whole, picked, file):
        told = problem(refused, 429, "quota-exceeded")
        assert (told["violated-policies"], "Retry-After" in refused.headers) == (["wide-questions"], True)
    assert narrow.status_code == 200
    for path, params in (("/v1/usage", WIDE), (f"/v1/keys/{key_id}/activity", {"status": "4xx"})):
        assert api.ask("GET", path, params=params).status_code == 200
    for _ in range(2):
        assert api.ask("GET", f"/v1/keys/{key_id}/activity", headers={"Accept": "text/csv"}).status_code == 200


def test_a_question_that_would_read_too_much_says_what_to_do(
    api: Management, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.usage.statistics, "_bounds", Bounds(seconds_max=0))
    for path in (f"/v1/keys/{key_id}/usage", "/v1/usage"):
        answer = api.ask("GET", path, params=WIDE, headers={"Accept-Language": "fr"})
        assert "demandez une période plus courte" in problem(answer, 400, "range-too-long")["detail"]
        assert api.ask("GET", path, params=RANGE).status_code == 200


def test_durations_are_told_two_percent_off_at_most(api: Management, key_id: str) -> None:
    now = api.usage.clock.now()
    records = tuple(record(key_id=key_id, at=now, duration_us=1000 * number) for number in range(1, 101))
    api.usage.metering.take_in(RequestMetered(segment="segment", start=0, end=1, records=records))
    told = usage(api, key_id)["duration_ms"]
    assert told == {"p50": pytest.approx(50, 0.03), "p95": pytest.approx(95, 0.03), "p99": pytest.approx(99, 0.03)}


def activity(api: Management, key_id: str, **params: Any) -> Any:
    answer = api.ask("GET", f"/v1/keys/{key_id}/activity", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_activity_is_the_key_s_life_and_its_requests_page_by_page(api: Management, key_id: str) -> None:
    count(api, key_id, api.usage.clock.now(), api.usage.clock.now())
    first = activity(api, key_id, limit=2)
    assert [entry["request"]["route"] for entry in first["data"]] == ["/v1/sensors"] * 2
    rest = activity(api, key_id, limit=2, cursor=first["next_cursor"])
    assert [entry["lifecycle"]["type"] for entry in rest["data"]] == ["KeyCreated"]
    assert rest["next_cursor"] is None


def test_activity_is_a_csv_file_for_whoever_asks_for_one(api: Management, key_id: str) -> None:
    count(api, key_id, api.usage.clock.now())
    answer = api.ask("GET", f"/v1/keys/{key_id}/activity", headers={"Accept": "Text/CSV"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [line.split(",")[1] for line in answer.text.splitlines()] == ["kind", "request", "lifecycle"]
    both = api.ask("GET", f"/v1/keys/{key_id}/activity", headers={"Accept": "*/*"})
    assert both.headers["Content-Type"] == "application/json"


def test_a_long_file_is_made_by_another_process_and_is_the_same(
    api: Management, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, headers = f"/v1/keys/{key_id}/activity", {"Accept": "text/csv"}
    now = api.usage.clock.now()
    count(api, key_id, *(now - timedelta(seconds=number) for number in range(3)))
    made: list[Job] = []

    def noting(job: Job) -> Iterator[bytes]:
        made.append(job)
        return made_by_child(job)

    monkeypatch.setattr(resources, "made_by_child", noting)
    at_once = api.ask("GET", path, headers=headers)
    assert made == []
    monkeypatch.setattr(resources, "ROWS_MAX", 2)
    assert api.ask("HEAD", path, headers=headers).status_code == 200
    assert api.ask("GET", path, headers=headers).text == at_once.text, "what HEAD was told of gave its place back"
    assert len(made) == 2


@pytest.mark.parametrize(
    "params",
    [
        {"status": "6xx"},
        {"status": "4x"},
        {"status": "99"},
        {"cursor": "tampered"},
        {"cursor": cursor.encode("a", "b", "c")},
        {"limit": "101"},
        {"from": "yesterday"},
        {"before": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_a_filter_that_makes_no_sense_is_refused(api: Management, key_id: str, params: dict[str, str]) -> None:
    problem(api.ask("GET", f"/v1/keys/{key_id}/activity", params=params), 400, "invalid-request")


def test_activity_without_keys_is_unavailable_and_another_s_is_not_found(
    api: Management, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: str) -> Any:
        raise Unavailable("keys does not answer")

    monkeypatch.setattr(api.usage.keys_client, "history", away)
    answer = api.ask("GET", f"/v1/keys/{key_id}/activity")
    problem(answer, 503, "unavailable")
    assert "Retry-After" in answer.headers
    other = api.another_organisation()
    problem(api.ask("GET", f"/v1/keys/{key_id}/activity", key=other), 404, "not-found")
