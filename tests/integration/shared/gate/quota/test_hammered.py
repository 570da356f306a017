"""One, three and five gates with their threads, in real time: what is offered, what is admitted, and never too much."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from shared.gate.grants.grant import Limits
from tests.integration.shared.gate.quota.gates import Ledger, MovableClock, OneGate, settled
from tests.servers import Redis

LIMITS = Limits(minute=300, day=None)
SECONDS = 75
GATES = 5
pytestmark = [pytest.mark.xdist_group("redis"), pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Use:
    """How a key is used: so many requests a second, each from the next gate of the round."""

    key_id: str
    each_second: float
    round: tuple[int, ...]
    ledger: Ledger = field(default_factory=Ledger)
    answers: Counter[bool] = field(default_factory=Counter)

    def times(self, gate: int) -> list[float]:
        count = int(SECONDS * self.each_second)
        return [number / self.each_second for number in range(count) if self.round[number % len(self.round)] == gate]


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
        gate.quota.start()
    began = time.monotonic()
    callers = [
        threading.Thread(target=_call, args=(gates[number], number, [*hammered, *spared], began))
        for number in range(GATES)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    ended = clock.elapsed_seconds()
    for gate in gates:
        assert not gate.quota.is_on_shares
        gate.quota.stop()
    for use, (_, least) in zip(hammered, HAMMERED, strict=True):
        assert use.ledger.most_in_a_minute() <= LIMITS.minute
        assert use.ledger.in_minute_before(ended) >= least * LIMITS.minute, use.round
    for use in spared:
        assert use.answers[False] <= use.answers.total() / 1000, use.round


def _call(gate: OneGate, number: int, uses: list[Use], began: float) -> None:
    """Never ahead of its time; behind it, where the machine is, it makes up."""
    for at, use in sorted(((at, each) for each in uses for at in each.times(number)), key=lambda due: due[0]):
        time.sleep(max(0.0, began + at - time.monotonic()))  # this is the load's pace, not a wait for anything
        spent = gate.spend(use.key_id, LIMITS, use.ledger)
        use.answers[spent.admitted] += 1
