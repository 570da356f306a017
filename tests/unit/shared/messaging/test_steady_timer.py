"""A service's timers tick on whatever is done to the wall clock: relays, retention and the clock's watch need them."""

import time
from typing import Any

import eventlet
import pytest

from shared.messaging.entrypoints import SteadyTimer

DAYS = 3 * 86_400


@pytest.mark.parametrize("wrong_by", [-DAYS, DAYS], ids=["back", "ahead"])
def test_a_wall_clock_that_is_set_holds_up_no_timer(monkeypatch: pytest.MonkeyPatch, wrong_by: int) -> None:
    """Set, and then set right: a timer that counted by it would be ahead by then, and stand still."""
    ticks: list[float] = []
    timer: Any = SteadyTimer(interval=0.01, eager=True)

    def tick() -> None:
        ticks.append(time.monotonic())
        timer.worker_complete.send(None)

    def run_on() -> None:
        seen = len(ticks)
        while len(ticks) < seen + 3:
            eventlet.sleep(0.001)

    timer.handle_timer_tick = tick
    wall_clock = time.time
    with eventlet.Timeout(30):
        running = eventlet.spawn(timer._run)
        run_on()
        monkeypatch.setattr(time, "time", lambda: wall_clock() + wrong_by)
        run_on()
        monkeypatch.setattr(time, "time", wall_clock)
        run_on()
        timer.should_stop.send(True)
        running.wait()
