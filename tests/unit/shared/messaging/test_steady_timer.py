"""A service's timers tick on whatever is done to the wall clock: relays, retention and the clock's watch need them."""

import time
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer
from structlog.testing import capture_logs

from shared.messaging.entrypoints import COMPOSITION, Provided, SteadyTimer, timer

DAYS = 3 * 86_400


@pytest.mark.parametrize("wrong_by", [-DAYS, DAYS], ids=["back", "ahead"])
def test_a_wall_clock_that_is_set_holds_up_no_timer(monkeypatch: pytest.MonkeyPatch, wrong_by: int) -> None:
    """Set, and then set right: a timer that counted by it would be ahead by then, and stand still."""
    ticks: list[float] = []
    steady: Any = SteadyTimer(interval=0.01, eager=True)

    def tick() -> None:
        ticks.append(time.monotonic())

    def run_on() -> None:
        seen = len(ticks)
        while len(ticks) < seen + 3:
            eventlet.sleep(0.001)

    steady._method = lambda: tick
    wall_clock = time.time
    with eventlet.Timeout(30):
        running = eventlet.spawn(steady._run)
        run_on()
        monkeypatch.setattr(time, "time", lambda: wall_clock() + wrong_by)
        run_on()
        monkeypatch.setattr(time, "time", wall_clock)
        run_on()
        steady.should_stop.send(True)
        running.wait()


class _Ticking:
    name = "ticking"
    seen: list[str] = Provided("seen")

    @timer(interval=0.001, eager=True)
    def tick(self) -> None:
        self.seen.append("tick")
        if len(self.seen) == 1:
            raise ValueError


def test_a_tick_has_what_is_provided_and_one_that_raises_is_followed_by_more() -> None:
    seen: list[str] = []
    container = ServiceContainer(_Ticking, {COMPOSITION: {"seen": seen}})
    container.start()
    with eventlet.Timeout(30):
        while len(seen) < 3:
            eventlet.sleep(0.001)
        container.stop()
        container.wait()


class _Failing:
    name = "failing"
    seen: list[str] = Provided("seen")

    @timer(interval=0.001, eager=True)
    def sweep(self) -> None:
        self._fail("sweep")

    @timer(interval=0.001, eager=True)
    def relay(self) -> None:
        self._fail("relay")

    def _fail(self, what: str) -> None:
        self.seen.append(what)
        raise ConnectionError


def test_two_timers_that_fail_of_one_thing_are_told_by_name() -> None:
    """Of one event, each with the same error from the same place, a log would name the first for a minute."""
    seen: list[str] = []
    container = ServiceContainer(_Failing, {COMPOSITION: {"seen": seen}})
    with capture_logs() as told, eventlet.Timeout(30):
        container.start()
        while set(seen) != {"sweep", "relay"}:
            eventlet.sleep(0.001)
        container.stop()
        container.wait()
    assert {line["event"] for line in told} >= {"sweep_failed", "relay_failed"}
