"""One, three and five gates: what is offered, what is admitted, and never too much. No time is waited for."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from shared.gate.grants.grant import Limits
from shared.gate.quota.redis_quota import REPORT_SECONDS
from tests.integration.shared.gate.movable_clock import MovableClock
from tests.integration.shared.gate.quota.gates import Ledger, OneGate, settled
from tests.servers import Redis

LIMITS = Limits(minute=300, day=None)
SECONDS = 75
GATES = 5
pytestmark = pytest.mark.xdist_group("redis")


@dataclass(frozen=True)
class Use:
    """How a key is used: so many requests a second, each from the next gate of the round."""

    key_id: str
    each_second: float
    round: tuple[int, ...]
    ledger: Ledger = field(default_factory=Ledger)
    answers: Counter[bool] = field(default_factory=Counter)

    def spend(self, number: int, gates: list[OneGate]) -> None:
        spent = gates[self.round[number % len(self.round)]].spend(self.key_id, LIMITS, self.ledger)
        self.answers[spent.admitted] += 1


TWICE, LESS = 2 * LIMITS.minute / 60, 0.9 * LIMITS.minute / 60
ONE, THREE, FIVE = (0,), (0, 1, 2), (0, 1, 2, 3, 4)
SKEWED = (0,) * 16 + (1, 2, 3, 4)
HAMMERED = [(ONE, 0.97), (THREE, 0.95), (FIVE, 0.95), (SKEWED, 0.95)]


def test_a_key_offered_twice_its_limit_gets_nearly_all_of_it_and_never_more_and_one_offered_less_is_never_refused(
    redis_server: Redis,
) -> None:
    clock = MovableClock(redis_server)
    settled(redis_server, clock)
    hammered = [Use(f"hammered_{number}", TWICE, gates) for number, (gates, _) in enumerate(HAMMERED)]
    spared = [Use(f"spared_{number}", LESS, gates) for number, (gates, _) in enumerate(HAMMERED)]
    gates = [OneGate(redis_server, clock) for _ in range(GATES)]
    for gate in gates:
        gate.quota.report()
    dues: list[tuple[float, Callable[[], None]]] = [
        (number / use.each_second, partial(use.spend, number, gates))
        for use in [*hammered, *spared]
        for number in range(int(SECONDS * use.each_second))
    ]
    dues += [
        ((number + place / GATES) * REPORT_SECONDS, gate.quota.report)
        for place, gate in enumerate(gates)
        for number in range(int(SECONDS / REPORT_SECONDS))
    ]
    began = clock.elapsed_seconds()
    for at, do in sorted(dues, key=lambda due: due[0]):
        if clock.elapsed_seconds() < began + at:
            clock.advance(began + at - clock.elapsed_seconds())
        do()
    ended = clock.elapsed_seconds()
    for gate in gates:
        assert not gate.quota.is_on_shares
        gate.quota.stop()
    for use, (_, least) in zip(hammered, HAMMERED, strict=True):
        assert use.ledger.most_in_a_minute() <= LIMITS.minute
        assert use.ledger.in_minute_before(ended) >= least * LIMITS.minute, use.round
    for use in spared:
        assert use.answers[False] <= use.answers.total() / 1000, use.round


def test_threads_of_five_gates_at_once_are_never_admitted_too_much(redis_server: Redis) -> None:
    clock = MovableClock(redis_server)
    settled(redis_server, clock)
    gates = [OneGate(redis_server, clock) for _ in range(GATES)]
    uses = [Use(f"at_once_{number}", TWICE, FIVE) for number in range(3)]
    callers = [threading.Thread(target=_call, args=(gates, uses, first)) for first in range(2 * GATES)]
    for gate in gates:
        gate.quota.start()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for gate in gates:
        assert not gate.quota.is_on_shares
        gate.quota.stop()
    for use in uses:
        assert use.answers[False] > 0
        assert 0.9 * LIMITS.minute <= use.ledger.most_in_a_minute() <= LIMITS.minute


def _call(gates: list[OneGate], uses: list[Use], first: int) -> None:
    for number in range(first, first + LIMITS.minute):
        for use in uses:
            use.spend(number, gates)
