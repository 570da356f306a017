"""What usage answers over RPC, as the details of a key show it; whatever it does not answer is UsageAway."""

from typing import Any

import pytest

from services.keys.console.pages.key_usage import KeyDay, Step, UsageAway, Wanted
from services.keys.console.remote_usage import FILE_PARTS_MAX, RemoteUsage
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
    "networks": {"net_1": 1, "net_2": 3},
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


class Answering:
    """`asked`: each call, as (method, its arguments)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
        self.asked: list[tuple[object, ...]] = []
        self._answers = list(answers)
        monkeypatch.setattr(KeptCalls, "call", lambda _calls, _service, *asked: self._call(*asked))
        self.usage = RemoteUsage(KeptCalls("memory://", seconds_max=1.0))

    def _call(self, *asked: object) -> Any:
        self.asked.append(asked)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> RemoteUsage:
    return Answering(monkeypatch, answer).usage


def test_use_says_what_was_refused_what_failed_and_by_which_route(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Answering(monkeypatch, SUMMARY)
    use = asked.usage.use(ORGANISATION_ID, KEY_ID, Step.HOUR, NOON)
    assert (use.requests, use.answered, use.refused, use.failed, use.p50, use.p99) == (5, 3, 1, 1, 1.5, None)
    assert [(hour.requests, hour.refused, hour.failed) for hour in use.buckets] == [(5, 1, 1)]
    assert use.routes == (("/v1/sensors", 4), ("/v1/events", 1))
    assert use.networks == (("net_2", 3), ("net_1", 1))
    assert use.statuses == (("200", 3), ("401", 1), ("503", 1))
    since = "2026-11-22T13:00:00.000000Z"
    assert asked.asked == [("summary", ORGANISATION_ID, KEY_ID, since, "2026-11-23T12:00:00.000000Z", "HOUR")]


def test_an_activity_has_requests_and_changes_and_the_place_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: dict[str, Any] = {"type": "KeyCreated", "actor": "usr_1", "request_id": None, "revision": 1, "facts": {}}
    entries = [
        {"at": "2026-11-23T10:00:00Z", "request": REQUEST, "lifecycle": None, "place": [9, 1, 4]},
        {"at": "2026-11-23T09:00:00Z", "request": None, "lifecycle": happened, "place": [8, 0, 1]},
    ]
    asked = Answering(monkeypatch, entries)
    page = asked.usage.activity(ORGANISATION_ID, KEY_ID, 2, Wanted(status="4xx", start=NOON), (10, 1, 5))
    request, change = page.entries
    assert request.request is not None
    assert (request.request.route, request.request.status) == ("/v1/sensors", 200)
    assert (change.request, change.type, change.actor) == (None, "KeyCreated", "usr_1")
    assert page.next == (8, 0, 1)
    only = {"status": "4xx", "start": "2026-11-23T12:00:00.000000Z"}
    assert asked.asked == [("activity", ORGANISATION_ID, KEY_ID, 2, None, only, (10, 1, 5))]
    assert asked.usage.activity(ORGANISATION_ID, KEY_ID, 3).next is None


def test_a_file_is_asked_for_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Answering(monkeypatch, {"text": "one", "next": [9, 1, 4]}, {"text": "two", "next": None})
    assert list(asked.usage.activity_file(ORGANISATION_ID, KEY_ID)) == ["one", "two"]
    assert [call[-1] for call in asked.asked] == [None, (9, 1, 4)]


def test_a_file_that_does_not_end_breaks_off_and_does_not_look_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = answering(monkeypatch, {"text": "more", "next": [9, 1, 4]}).activity_file(ORGANISATION_ID, KEY_ID)
    read = [next(parts) for _ in range(FILE_PARTS_MAX)]
    assert read == ["more"] * FILE_PARTS_MAX
    with pytest.raises(UsageAway):
        next(parts)


def test_an_organisation_s_use_names_the_heaviest_and_the_most_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"keys": [{"key_id": KEY_ID, "hint": "grl_", "requests": 5}], "refused_keys": []}
    use = answering(monkeypatch, SUMMARY | keys).of_organisation(ORGANISATION_ID, Step.DAY, NOON)
    assert (use.whole.requests, use.keys, use.refused_keys) == (5, ((KEY_ID, "grl_", 5),), ())


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
        usage.use(ORGANISATION_ID, KEY_ID, Step.HOUR, NOON)
    with pytest.raises(UsageAway):
        usage.activity(ORGANISATION_ID, KEY_ID, 20)
    with pytest.raises(UsageAway):
        usage.activity_file(ORGANISATION_ID, KEY_ID)
    with pytest.raises(UsageAway):
        usage.last_day(ORGANISATION_ID, [KEY_ID])
