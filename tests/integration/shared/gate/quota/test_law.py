"""The law over many gates and a real Redis: never over in any minute or day, whatever gates do; room is not refused."""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.gate.grants.grant import Limits
from shared.gate.quota import key_allowance
from tests.integration.shared.gate.movable_clock import MovableClock
from tests.integration.shared.gate.quota.gates import Ledger, OneGate, settled
from tests.servers import Redis

pytestmark = [pytest.mark.xdist_group("redis"), pytest.mark.timeout(300)]
KEY = "key_1"
GATES_MAX = 4
IDLE_SECONDS = 130.0
HOURS_ARE_LONG = 500  # seconds: a midnight further away is not waited for
which = st.integers(0, GATES_MAX - 1)
limits = st.builds(Limits, minute=st.integers(1, 40), day=st.none() | st.integers(1, 120))


class ManyGates(RuleBasedStateMachine):
    """Gates ask, report late, forget, sleep, die, stop and join; limits change; minutes and midnights pass;
    the clock is set."""

    server: Redis

    @initialize(limits=limits, seconds_to_midnight=st.integers(20, 400))
    def begin(self, limits: Limits, seconds_to_midnight: int) -> None:
        self.clock = MovableClock(self.server)
        settled(self.server, self.clock)
        self.clock.go_to_before_midnight(seconds_to_midnight)
        self.limits, self.ledger = limits, Ledger()
        self.former: list[tuple[float, Limits]] = []
        self.over: list[str] = []
        self.gates = [self._joined() for _ in range(GATES_MAX)]
        self.suspended: set[int] = set()

    @rule(gate=which, requests=st.integers(1, 12))
    def ask(self, gate: int, requests: int) -> None:
        for _ in range(requests):
            self._ask_once(gate)

    @rule(gate=which)
    def report(self, gate: int) -> None:
        if gate not in self.suspended:
            self.gates[gate].quota.report()

    @rule(seconds=st.sampled_from([0.1, 0.5, 0.9, 3.0, 20.0, 59.0, 70.0, 130.0]))
    def wait(self, seconds: float) -> None:
        """Living gates report all the while; a suspended one sleeps."""
        while seconds > 0:
            self.clock.advance(min(seconds, 20.0))
            seconds -= 20.0
            self._report_all()

    @rule(gate=which)
    def suspend(self, gate: int) -> None:
        self.suspended.add(gate)

    @rule(gate=which)
    def wake(self, gate: int) -> None:
        self.suspended.discard(gate)

    @rule(gate=which)
    def die(self, gate: int) -> None:
        self.gates[gate] = self._joined()

    @rule(gate=which)
    def stop(self, gate: int) -> None:
        self.gates[gate].quota.stop()
        self.gates[gate] = self._joined()

    @rule(limits=limits)
    def change_the_limits(self, limits: Limits) -> None:
        """All gates hear it. What a gate was allowed under higher limits, and does not use, it may use for a while."""
        self.former = [*self._in_force(), (self.clock.elapsed_seconds(), self.limits)]
        self.limits = limits

    @rule(days=st.sampled_from([0, 3]))
    def set_the_clock(self, days: int) -> None:
        """There and back: the days in between have counts of their own."""
        self.clock.set_by(days)

    @rule(gate=which)
    def wait_as_told_and_ask_again(self, gate: int) -> None:
        self.suspended.discard(gate)
        quota, ledger = self.gates[gate].quota, self.ledger
        spent = self.gates[gate].spend(KEY, self.limits, ledger)
        if spent.admitted or self._in_force() or spent.retry_after_seconds > HOURS_ARE_LONG:
            return
        assert spent.violated
        self._report_all()
        left = float(spent.retry_after_seconds)
        while left > 0:
            self.clock.advance(min(left, 20.0))
            left -= 20.0
            self._report_all()
        assert not quota.is_on_shares
        assert self._ask_once(gate), f"told to wait {spent.retry_after_seconds} s for {spent.violated}"

    @invariant()
    def nothing_was_over_the_limits_when_it_was_admitted(self) -> None:
        assert self.over == []

    def teardown(self) -> None:
        for gate in getattr(self, "gates", ()):
            gate.quota.stop()

    def _ask_once(self, gate: int) -> bool:
        if gate in self.suspended:
            return False
        spent = self.gates[gate].spend(KEY, self.limits, self.ledger)
        if not spent.admitted:
            return False
        last = self.ledger.admissions[-1]
        in_minute, today = self.ledger.in_minute_before(last.after), self.ledger.on(last.day)
        allowed = [self.limits, *(limits for _, limits in self._in_force())]
        if in_minute > max(limits.minute for limits in allowed):
            self.over.append(f"{in_minute} in a minute, allowed were {allowed}")
        if all(limits.day is not None and today > limits.day for limits in allowed):
            self.over.append(f"{today} on a day, allowed were {allowed}")
        return True

    def _in_force(self) -> list[tuple[float, Limits]]:
        """Former limits under which a gate may have been given what it still may spend."""
        oldest = self.clock.elapsed_seconds() - IDLE_SECONDS
        return [(until, limits) for until, limits in self.former if until > oldest]

    def _report_all(self) -> None:
        for number, gate in enumerate(self.gates):
            if number not in self.suspended:
                gate.quota.report()
                gate.quota.forget_idle(self.clock.elapsed_seconds())

    def _joined(self) -> OneGate:
        gate = OneGate(self.server, self.clock)
        gate.quota.report()
        assert not gate.quota.is_on_shares
        return gate


@pytest.mark.parametrize("parts", [4, 16, 128])
def test_no_minute_and_no_day_holds_more_than_allowed_whatever_becomes_of_the_gates(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    """`parts`: of limits as small as these a gate would otherwise have no allowance at all."""
    monkeypatch.setattr(key_allowance, "ALLOWANCE_PARTS", parts)
    machine = type("Machine", (ManyGates,), {"server": redis_server})
    # Time runs, so no example is quite the same when it is tried again: to look for a smaller one would be in vain.
    phases = (Phase.explicit, Phase.generate)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None, phases=phases)
    )


def test_an_admission_counts_for_a_whole_minute(redis_server: Redis) -> None:
    """Asked all the while it leaves the window: seconds that are rounded up hide what is early by less than one."""
    clock, ledger, allowed = MovableClock(redis_server), Ledger(), Limits(minute=1, day=None)
    settled(redis_server, clock)
    gate = OneGate(redis_server, clock)
    gate.quota.report()
    assert gate.spend(KEY, allowed, ledger).admitted
    clock.advance(59.2)
    while not gate.spend(KEY, allowed, ledger).admitted:
        clock.advance(0.02)
    assert ledger.most_in_a_minute() == 1
    gate.quota.stop()


def test_what_a_dead_gate_may_have_spent_counts_for_the_day(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_allowance, "ALLOWANCE_PARTS", 4)  # an allowance of two
    clock, ledger, day = MovableClock(redis_server), Ledger(), 8
    allowed = Limits(minute=40, day=day)
    settled(redis_server, clock)
    clock.go_to_before_midnight(HOURS_ARE_LONG)
    dying, living = OneGate(redis_server, clock), OneGate(redis_server, clock)
    for gate in (dying, living):
        gate.quota.report()
    assert [dying.spend(KEY, allowed, ledger).admitted for _ in range(3)] == [True] * 3
    for _ in range(7):  # the dead gate never tells of the last two
        clock.advance(10.0)
        living.quota.report()
    while living.spend(KEY, allowed, ledger).admitted:
        assert len(ledger.admissions) <= day
    assert len(ledger.admissions) == day
    living.quota.stop()


def test_a_day_that_the_clock_comes_back_to_has_the_count_that_it_had(redis_server: Redis) -> None:
    clock, ledger, limits = MovableClock(redis_server), Ledger(), Limits(minute=100, day=3)
    settled(redis_server, clock)
    clock.go_to_before_midnight(3600)
    gate = OneGate(redis_server, clock)
    gate.quota.report()
    admitted = []
    for days in (0, 3, 0, 3):
        clock.set_by(days)
        admitted.append(sum(gate.spend("key_days", limits, ledger).admitted for _ in range(2)))
    gate.quota.stop()
    assert admitted == [2, 2, 1, 1]
