"""Requests of a key that are answered at the same time: a slot each, and free again however an answer ends."""

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from falcon import testing

from shared.gate.concurrency.slots import MemorySlots
from shared.gate.gate import Gate
from shared.gate.grants.grant import Limits
from shared.gate.quota.reserve import LISTING, URGENT
from shared.web.admission import Wsgi
from shared.web.answers.holding_stream import end_dropped
from shared.web.application import application
from shared.web.operation import Answer, Call, StrictSchema, operation
from shared.web.route import Route
from tests.integration.web.asking import bearer
from tests.integration.web.tiny import KEYS, PROXIES, PUBLIC_URL, Tiny, tiny

LIMIT = 2
ROUND = 10


class Cut(BaseException):
    """As a greenlet's or a thread's end comes in the middle of anything."""


class Slow:
    """Calls back while it answers."""

    def __init__(self) -> None:
        self.meanwhile: Any = lambda: None

    @operation("Answer slowly", tag="Things", permission="sensors:read", answers=StrictSchema)
    def on_get(self, call: Call[None, None], how: str) -> Answer:
        self.meanwhile()
        match how:
            case "fails":
                raise RuntimeError("broken")
            case "cut":
                raise Cut
            case "streams":
                return Answer(body=b"", stream=iter([b"one", b"two"]), content_type="text/plain")
            case _:
                return Answer(body={})


class Verdicts:
    """Answers a gate's word and nothing else."""

    @operation("Ask for a verdict", tag="Things", permission="sensors:read", answers=StrictSchema, is_verdict=True)
    def on_get(self, call: Call[None, None]) -> Answer:
        return Answer(body={})


class Reserved:
    """What may still be asked when the limits of a key are used up."""

    def __init__(self) -> None:
        self.meanwhile: Any = lambda: None

    @operation("List", tag="Things", permission="sensors:read", answers=StrictSchema, reserve=LISTING)
    def on_get(self, call: Call[None, None]) -> Answer:
        self.meanwhile()
        return Answer(body={})

    @operation("End", tag="Things", permission="sensors:read", answers=StrictSchema, reserve=URGENT)
    def on_delete(self, call: Call[None, None]) -> Answer:
        return Answer(body={})


class Scene:
    def __init__(self, app: Tiny) -> None:
        self.app, self.slow, self.reserved, self.slots = app, Slow(), Reserved(), MemorySlots()
        self.gate = Gate(app.replica, app.gate.quota, app.meter, app.clock, slots=self.slots)
        routes = [
            Route("/v1/slow/{how}", self.slow),
            Route("/v1/verdicts", Verdicts()),
            Route("/v1/reserved", self.reserved),
        ]
        self.wsgi: Wsgi = application(
            "tiny", routes, self.gate, app.clock, public_url=PUBLIC_URL, is_ready=lambda: True, proxies=PROXIES
        )
        self.client = testing.TestClient(self.wsgi)

    def ask(self, how: str = "plain", **parts: Any) -> testing.Result:
        return self.client.simulate_get(f"/v1/slow/{how}", headers=bearer("reader"), **parts)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tiny(tmp_path, policy={"free": Limits(minute=60, day=None, concurrent=LIMIT)}))


def test_who_asks_for_a_verdict_alone_takes_none(scene: Scene) -> None:
    told: list[int] = []

    def meanwhile() -> None:
        if scene.slots._in_use == {"key_1": LIMIT}:
            told.append(scene.client.simulate_get("/v1/verdicts", headers=bearer("reader")).status_code)
        else:
            scene.ask()

    scene.slow.meanwhile = meanwhile
    assert scene.ask().status_code == 200
    assert told == [200]


def test_listing_takes_a_slot_and_passes_without_one_on_its_reserve_as_what_is_urgent_does(scene: Scene) -> None:
    while scene.ask().status_code == 200:
        pass
    assert scene.slots._in_use == {}, "a request that its minute refuses keeps none"
    scene.app.clock.advance(61)
    scene.app.replica.pull()
    told: list[testing.Result] = []

    def reserved(method: str) -> testing.Result:
        return scene.client.simulate_request(method, "/v1/reserved", headers=bearer("reader"))

    def meanwhile() -> None:
        if scene.slots._in_use == {"key_1": LIMIT}:
            scene.reserved.meanwhile = lambda: None
            told.extend([reserved("DELETE"), *(reserved("GET") for _ in range(LISTING.limits.minute + 1))])
        else:
            reserved("GET")

    scene.reserved.meanwhile = meanwhile
    assert reserved("GET").status_code == 200
    assert [answer.status_code for answer in told] == [200] * (1 + LISTING.limits.minute) + [429]
    assert told[-1].json["violated-policies"] == ["concurrent", "listing"]
    assert scene.slots._in_use == {}


def test_one_more_than_is_allowed_at_the_same_time_is_refused_and_costs_nothing(scene: Scene) -> None:
    told: list[testing.Result] = []

    def meanwhile() -> None:
        told.append(scene.ask())  # within the one before it

    scene.slow.meanwhile = meanwhile
    first = scene.ask()
    *answered, refused = sorted([first, *told], key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answered] == [200] * LIMIT
    assert refused.status_code == 429
    assert refused.json["violated-policies"] == ["concurrent"]
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["RateLimit"].endswith('"concurrent";r=0')
    assert '"concurrent";q=2;qu="concurrent-requests"' in refused.headers["RateLimit-Policy"]
    assert refused.headers["X-RateLimit-Limit"] == "60"
    assert refused.headers["X-RateLimit-Remaining"] == str(60 - LIMIT), "it counted nothing"
    assert [answer.headers["RateLimit"][-3:] for answer in told[::-1]] == ["r=0", "r=0"]
    assert first.headers["RateLimit"].endswith('"concurrent";r=1')
    scene.slow.meanwhile = lambda: None
    assert scene.ask().status_code == 200


def test_of_two_limits_that_are_used_up_both_are_told_and_the_longer_wait(tmp_path: Path) -> None:
    scene = Scene(tiny(tmp_path, policy={"free": Limits(minute=LIMIT, day=None, concurrent=LIMIT)}))
    told: list[testing.Result] = []
    scene.slow.meanwhile = lambda: told.append(scene.ask())
    scene.ask()
    (refused,) = (answer for answer in told if answer.status_code == 429)
    assert refused.json["violated-policies"] == ["minute", "concurrent"]
    assert int(refused.headers["Retry-After"]) > 50


def test_a_stream_holds_its_slot_until_the_server_closes_it(scene: Scene) -> None:
    streams = [call(scene.wsgi, "streams") for _ in range(LIMIT)]
    assert scene.ask().status_code == 429
    assert b"".join(streams[0]) == b"onetwo"
    assert scene.ask().status_code == 429, "it is read, not closed"
    streams[0].close()
    streams[0].close()
    assert scene.ask().status_code == 200


def test_a_stream_that_its_server_drops_at_any_point_ends_with_the_next_request(scene: Scene) -> None:
    streams = [call(scene.wsgi, "streams") for _ in range(LIMIT)]
    assert scene.ask().status_code == 429
    with scene.slots._one_at_a_time:  # held by whom the collector interrupts
        del streams
        gc.collect()
    assert scene.ask().status_code == 200
    assert scene.slots._in_use == {}


@pytest.mark.parametrize("how", ["fails", "cut"])
def test_whatever_ends_a_request_its_slot_is_free(scene: Scene, how: str) -> None:
    for _ in range(3 * LIMIT):
        try:
            assert list(call(scene.wsgi, how))
        except Cut:
            assert how == "cut"
    assert scene.slots._in_use == {}


def test_a_quota_that_fails_leaks_no_slot(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise Cut

    monkeypatch.setattr(scene.gate, "quota", SimpleNamespace(spend=fail))
    for _ in range(LIMIT + 1):
        with pytest.raises(Cut):
            call(scene.wsgi, "plain")
    assert scene.slots._in_use == {}


def test_in_a_hundred_thousand_requests_of_which_one_in_ten_is_cut_off_nothing_leaks(scene: Scene) -> None:
    def vanish(*_: object) -> Any:
        raise Cut

    for number in range(100_000):
        if number % 50 == 0:
            scene.app.clock.advance(61)
            scene.app.replica.pull()
        match number % ROUND:
            case 0:
                way = number // ROUND % 4
                if way == 0:
                    call(scene.wsgi, "streams").close()
                elif way == 1:
                    next(iter(call(scene.wsgi, "streams")))
                else:
                    with pytest.raises(Cut):
                        call(scene.wsgi, "cut" if way == 2 else "plain", *(() if way == 2 else (vanish,)))
            case 1:
                body = call(scene.wsgi, "streams")
                assert b"".join(body) == b"onetwo"
                body.close()
            case _:
                assert call(scene.wsgi, "plain")
    gc.collect()
    end_dropped()
    assert scene.slots._in_use == {}


def call(wsgi: Wsgi, how: str, start_response: Any = lambda *_: None) -> Any:
    """As a server does it, and what it would iterate."""
    environ = testing.create_environ(f"/v1/slow/{how}", headers={"Authorization": f"Bearer {KEYS['reader']}"})
    return wsgi(environ, start_response)
