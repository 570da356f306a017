"""What usage answers over RPC, as the details of a key show it; whatever it does not answer is UsageAway."""

from typing import Any

import pytest

from services.keys.console.pages.key_usage import KeyDay, UsageAway
from services.keys.console.remote_usage import RemoteUsage
from shared.contracts.errors import NotFound
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls
from tests.examples import KEY_ID, NOON, ORGANISATION_ID

SUMMARY = {
    "total": 5,
    "bytes": 900,
    "by_class": {"2xx": 3, "4xx": 1, "5xx": 1},
    "duration_ms": {"p50": 1.5, "p95": 2.0, "p99": None},
    "series": [
        {"start": "2026-11-23T10:00:00Z", "requests": 5, "by_status": {"200": 3, "401": 1, "503": 1}},
        {"start": "2026-11-23T11:00:00Z", "requests": 0, "by_status": {}},
    ],
    "routes": {"/v1/sensors": 4, "/v1/events": 1},
}
REQUEST = {
    "method": "GET",
    "route": "/v1/sensors",
    "status": 200,
    "problem": None,
    "address": "192.0.2.7",
    "user_agent": "curl",
    "duration_ms": 1.5,
    "request_id": "req_1",
    "requests": 1,
}


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> RemoteUsage:
    def call(*_arguments: object, **_options: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(KeptCalls, "call", call)
    return RemoteUsage("memory://")


def test_a_day_says_what_was_refused_and_by_which_route(monkeypatch: pytest.MonkeyPatch) -> None:
    day = answering(monkeypatch, SUMMARY).day(ORGANISATION_ID, KEY_ID, NOON)
    assert (day.requests, day.refused, day.p50, day.p99) == (5, 2, 1.5, None)
    assert [(hour.requests, hour.refused) for hour in day.hours] == [(5, 2)]
    assert day.routes == (("/v1/sensors", 4), ("/v1/events", 1))


def test_requests_come_without_the_lifecycle_that_keys_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"at": "2026-11-23T10:00:00Z", "request": REQUEST, "lifecycle": None},
        {"at": "2026-11-23T09:00:00Z", "request": None, "lifecycle": {"type": "KeyCreated"}},
    ]
    (request,) = answering(monkeypatch, entries).requests(ORGANISATION_ID, KEY_ID, 20)
    assert (request.route, request.status, request.address) == ("/v1/sensors", 200, "192.0.2.7")


def test_a_day_of_several_keys_is_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    day = {"key_id": KEY_ID, "requests": [0, 5], "refused": [0, 1], "in_last_hour": 5}
    answer = {"start": "2026-11-22T12:00:00Z", "keys": [day], "new_sources": {KEY_ID: "2026-11-23T10:00:00Z"}}
    told = answering(monkeypatch, answer).last_day(ORGANISATION_ID, [KEY_ID])
    assert told.by_key == {KEY_ID: KeyDay(requests=(0, 5), refused=(0, 1), in_last_hour=5)}
    assert told.new_sources[KEY_ID].hour == 10


@pytest.mark.parametrize("answer", [CallFailed("away"), NotFound("no such key"), {"total": "?"}, None])
def test_no_answer_and_a_strange_one_are_the_same(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    usage = answering(monkeypatch, answer)
    with pytest.raises(UsageAway):
        usage.day(ORGANISATION_ID, KEY_ID, NOON)
    with pytest.raises(UsageAway):
        usage.requests(ORGANISATION_ID, KEY_ID, 20)
    with pytest.raises(UsageAway):
        usage.last_day(ORGANISATION_ID, [KEY_ID])
