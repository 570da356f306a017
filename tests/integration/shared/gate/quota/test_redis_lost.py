"""Redis killed, emptied, set back or suspended under several gates: requests are decided, and at most one share more.

Threads are left out, and minutes are moved through; tests/faults does the same to a whole system under load.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.contracts.usage import Spent as SpentToday
from shared.gate.grants.grant import Limits
from shared.gate.quota import key_allowance
from shared.gate.quota.redis_quota import REPORT_SECONDS, SILENT_SECONDS, TRUSTED_SECONDS
from tests.integration.shared.gate.movable_clock import MovableClock
from tests.integration.shared.gate.quota.gates import Ledger, OneGate, settled
from tests.servers import Redis

KEY, GATES = "key_1", 4
LIMITS = Limits(minute=160, day=1_000)
SHARE = LIMITS.minute // GATES
pytestmark = [pytest.mark.xdist_group("redis"), pytest.mark.timeout(120)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    """For the test to break."""
    redis = Redis(tmp_path)
    yield redis
    redis.close()


class World:
    """Four gates on one Redis. `used`: what usage would say that a key has spent today."""

    def __init__(self, server: Redis) -> None:
        self.server, self.clock, self.ledger = server, MovableClock(server), Ledger()
        settled(server, self.clock)
        self.clock.go_to_before_midnight(10_000)
        self.used: list[SpentToday] = []
        self.asked_usage = 0
        self.gates = [self.gate() for _ in range(GATES)]
        for gate in self.gates:
            gate.quota.report()

    def gate(self) -> OneGate:
        return OneGate(self.server, self.clock, gates=lambda: GATES, spent=self._spent, seconds_max=1.0)

    def _spent(self) -> tuple[SpentToday, ...]:
        self.asked_usage += 1
        return tuple(self.used)

    def hammer(self, requests: int = 2 * LIMITS.minute) -> int:
        """How many of so many requests, spread over the gates, were admitted."""
        return sum(self.gates[number % GATES].spend(KEY, LIMITS, self.ledger).admitted for number in range(requests))

    def report(self) -> None:
        for gate in self.gates:
            gate.quota.report()

    def pass_seconds(self, seconds: int) -> None:
        """As in life: gates report, or try to, all the while."""
        for _ in range(seconds):
            self.clock.pass_seconds(1.0)
            self.report()

    def on_shares(self) -> int:
        return sum(gate.quota.is_on_shares for gate in self.gates)


def comes_back_empty(server: Redis) -> None:
    server.start()


def comes_back_with_old_counts(server: Redis) -> None:
    server.start(with_saved=True)


@pytest.fixture
def world(server: Redis) -> World:
    return World(server)


@pytest.mark.parametrize("is_known_full", [True, False])
def test_in_the_first_minute_without_redis_all_gates_together_admit_one_share_at_most(
    world: World, is_known_full: bool
) -> None:
    before = world.hammer() if is_known_full else 0
    assert before == (LIMITS.minute if is_known_full else 0)
    world.server.stop()
    world.report()
    assert world.on_shares() == GATES
    assert world.hammer() == SHARE
    world.clock.pass_seconds(61)
    assert world.hammer() == LIMITS.minute
    assert world.ledger.most_in_a_minute() <= LIMITS.minute + SHARE


def test_a_day_that_loses_redis_ends_with_one_share_more_at_most(world: World) -> None:
    limits = Limits(minute=160, day=160)
    admitted = sum(world.gates[number % GATES].spend(KEY, limits, world.ledger).admitted for number in range(300))
    assert admitted == 160
    world.server.stop()
    world.report()
    for _ in range(5):
        world.clock.pass_seconds(61)
        for number in range(300):
            world.gates[number % GATES].spend(KEY, limits, world.ledger)
    assert len(world.ledger.admissions) <= 160 + 160 // GATES


@pytest.mark.parametrize("come_back", [comes_back_empty, comes_back_with_old_counts])
@pytest.mark.parametrize("away_seconds", [1, 90])
def test_a_redis_that_has_forgotten_is_used_again_after_a_minute_on_shares(
    world: World, come_back: Callable[[Redis], None], away_seconds: int
) -> None:
    world.server.save()
    world.hammer()
    world.server.stop()
    world.hammer()
    world.pass_seconds(away_seconds)
    world.hammer()
    come_back(world.server)
    world.used = [SpentToday(key_id=KEY, today=len(world.ledger.admissions), seconds_ago=())]
    world.pass_seconds(2)
    assert world.on_shares() == GATES
    for _ in range(30):
        world.pass_seconds(2)
        world.hammer(40)
    world.pass_seconds(4)
    assert world.on_shares() == 0
    assert world.asked_usage == 1, "one gate tells Redis, once"
    for _ in range(70):
        world.pass_seconds(1)
        world.hammer(40)
    assert world.ledger.most_in_a_minute() <= LIMITS.minute + SHARE
    assert len(world.ledger.admissions) <= LIMITS.day  # type: ignore[operator]  # it has a day limit


def test_a_gate_that_was_cut_off_for_a_moment_tells_what_it_admitted_and_goes_on(world: World) -> None:
    """Redis only stood still: it remembers."""
    world.hammer(20)
    world.server.pause()
    requests = [world.gates[0].spend(KEY, LIMITS, world.ledger) for _ in range(3)]
    assert all(spent.admitted for spent in requests), "no request fails for it"
    assert world.gates[0].quota.is_on_shares
    world.server.resume()
    world.pass_seconds(1)
    assert world.on_shares() == 0
    world.hammer()
    # A call that nobody knows the fate of is counted, and what it asked for may have been admitted on a share besides.
    assert LIMITS.minute - 4 <= len(world.ledger.admissions) <= LIMITS.minute
    assert world.asked_usage == 0


def test_a_connection_that_fails_again_and_again_gives_no_new_share_each_time(world: World) -> None:
    for _ in range(10):
        world.hammer()
        for gate in world.gates:
            gate.counts.is_cut = True
        world.report()
        assert world.on_shares() == GATES
        world.hammer()
        for gate in world.gates:
            gate.counts.is_cut = False
        world.pass_seconds(2)
        assert world.on_shares() == 0
    assert len(world.ledger.admissions) == LIMITS.minute + SHARE


def test_gates_that_were_cut_off_for_longer_than_a_minute_hold_until_all_is_counted(world: World) -> None:
    for gate in world.gates:
        gate.counts.is_cut = True
    world.pass_seconds(100)
    world.hammer()
    for gate in world.gates:
        gate.counts.is_cut = False
    world.pass_seconds(1)
    assert world.on_shares() == GATES
    for _ in range(64):
        world.hammer(20)
        world.pass_seconds(1)
    assert world.on_shares() == 0
    for _ in range(30):
        world.hammer(40)
        world.pass_seconds(1)
    assert world.ledger.most_in_a_minute() <= LIMITS.minute + SHARE


def test_a_redis_emptied_while_it_runs_is_noticed_at_the_next_call(world: World) -> None:
    world.hammer()
    with world.server.client() as client:
        client.flushall()
    world.report()
    assert world.on_shares() == GATES
    assert world.hammer() == SHARE


def test_a_gate_that_spends_nothing_calls_just_often_enough_to_be_trusted(world: World) -> None:
    quiet, busy = world.gates[:2]
    world.report()
    for _ in range(2):  # the second without a call
        assert busy.spend(KEY, LIMITS, world.ledger).admitted
    for gate in (quiet, busy):
        gate.counts.is_cut = True
        gate.quota.report_if_due()
    assert (quiet.quota.is_on_shares, busy.quota.is_on_shares) == (False, True)
    assert SILENT_SECONDS + REPORT_SECONDS <= TRUSTED_SECONDS
    world.clock.pass_seconds(SILENT_SECONDS)
    quiet.quota.report_if_due()
    assert quiet.quota.is_on_shares


def test_a_gate_that_starts_without_redis_starts_on_shares(world: World) -> None:
    world.server.stop()
    gate = world.gate()
    gate.quota.start()
    gate.quota.stop()
    assert gate.quota.is_on_shares
    assert gate.spend(KEY, LIMITS, world.ledger).admitted


def test_a_key_with_an_allowance_costs_no_call_until_it_is_spent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_allowance, "ALLOWANCE_PARTS", 16)
    gate = world.gates[0]
    assert gate.spend(KEY, LIMITS, world.ledger).admitted
    world.server.pause()
    for left in range(10, 0, -1):
        spent = gate.spend(KEY, LIMITS, world.ledger)
        assert spent.admitted
        assert spent.minute_left == LIMITS.minute - 1 - (11 - left)
    assert not gate.quota.is_on_shares
    assert gate.spend(KEY, LIMITS, world.ledger).admitted
    assert gate.quota.is_on_shares
