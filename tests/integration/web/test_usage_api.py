"""What a key did, over HTTP: the requests counted, what is left of its limits, and ranges that make sense."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.usage.api import BUCKETS_MAX
from shared.contracts.usage import RequestMetered
from shared.times import from_rfc3339, rfc3339
from tests.integration.web.asking import problem
from tests.integration.web.management import Management
from tests.unit.usage.test_metering import record


@pytest.fixture
def key_id(api: Management) -> str:
    created: str = api.create(limits={"minute": 5, "day": 20})["id"]
    api.usage.subscription.pull()
    return created


def usage(api: Management, key_id: str, **params: Any) -> Any:
    answer = api.ask("GET", f"/v1/keys/{key_id}/usage", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def count(api: Management, key_id: str, *moments: datetime) -> None:
    records = tuple(record(key_id=key_id, at=moment) for moment in moments)
    api.usage.metering.take_in(RequestMetered(segment="segment", start=0, end=1, records=records))


def test_a_key_that_was_not_used_has_all_of_its_limits_left(api: Management, key_id: str) -> None:
    assert usage(api, key_id) == {
        "total": 0,
        "series": [],
        "routes": {},
        "quota": {"minute": {"used": 0, "left": 5}, "day": {"used": 0, "left": 20}},
    }


def test_requests_are_counted_by_step_route_and_status_and_against_the_limits(api: Management, key_id: str) -> None:
    now = datetime.now(UTC)
    count(api, key_id, now, now - timedelta(hours=2))
    shown = usage(api, key_id, step="hour")
    assert (shown["total"], shown["routes"]) == (2, {"/v1/sensors": 2})
    assert [bucket["requests"] for bucket in shown["series"]] == [1, 1]
    assert {status for bucket in shown["series"] for status in bucket["by_status"]} == {"200"}
    assert from_rfc3339(shown["series"][1]["start"]) == now.replace(minute=0, second=0, microsecond=0)
    assert shown["quota"]["minute"] == {"used": 1, "left": 4}
    recent = usage(api, key_id, step="minute", **{"from": rfc3339(now - timedelta(minutes=1))})
    assert recent["total"] == 1


def test_an_unlimited_day_has_no_number_left(api: Management) -> None:
    created = api.create()
    api.usage.subscription.pull()
    assert usage(api, created["id"])["quota"]["day"] == {"used": 0, "left": None}


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
