"""A service's timers tick on whatever is done to the wall clock: relays, retention and the clock's watch need them."""

import time
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer

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
