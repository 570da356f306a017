"""Slots of several gates on a real Redis: hammered by threads, a gate that dies, Redis emptied while slots are held."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.gate.concurrency.held_slots import IDLE_SECONDS
from shared.gate.concurrency.redis_slots import REPORT_SECONDS, RedisSlots
from shared.gate.concurrency.slot_counters import SlotCounters
from shared.gate.concurrency.slots import NONE_LEFT
from shared.gate.gate import CONCURRENT, Gate
from shared.gate.grants.grant import Limits
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from tests.gate_examples import MemoryBus, MemoryLog, grant, presented, snapshot_of
from tests.integration.shared.gate.movable_clock import SLOTS, MovableClock
from tests.servers import Redis

KEY, LEASE = "key_1", 10.0
pytestmark = [pytest.mark.xdist_group("redis"), pytest.mark.timeout(120)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    """For the test to break."""
    redis = Redis(tmp_path)
    yield redis
    redis.close()


def gates(server: Redis, clock: MovableClock, count: int) -> list[RedisSlots]:
    """Counted by Redis. No thread reports for them: a gate of which nothing is heard is one that died."""
    made = [
        RedisSlots(SlotCounters(server.url, LEASE, seconds_max=10.0), clock, gates=lambda: count, lease_seconds=LEASE)
        for _ in range(count)
    ]
    pass_seconds(clock, made, LEASE + 3)
    assert not any(gate.is_on_shares for gate in made)
    return made


def pass_seconds(clock: MovableClock, alive: list[RedisSlots], seconds: float) -> None:
    """As in life: gates report, or try to, all the while."""
    for _ in range(round(seconds)):
        clock.advance(1.0)
        for gate in alive:
            gate.report()


def door(slots: RedisSlots, clock: MovableClock, limit: int, spool: Path) -> Gate:
    """The whole gate, which lets one key in; its other limits are far."""
    allowed = {"free": Limits(minute=10**9, day=None, concurrent=limit)}
    log = MemoryLog(clock)
    snapshot = replace(snapshot_of(grant(), place=log.genesis), policy=allowed)
    replica = Replica(gate=spool.name, feed=log, snapshot=lambda: snapshot, clock=clock, lease_seconds=600)
    replica.pull()
    return Gate(replica, MemoryQuota(), Meter(spool, MemoryBus(), clock), clock, slots=slots)


def take(gate: RedisSlots, clock: MovableClock, limit: int) -> bool:
    return gate.take(KEY, limit, clock.elapsed_seconds()) != NONE_LEFT


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("limit", [5, 20])
def test_hammered_they_admit_what_is_allowed_and_never_more(
    server: Redis, tmp_path: Path, count: int, limit: int
) -> None:
    clock, counting, stopping = MovableClock(server, SLOTS), threading.Lock(), threading.Event()
    made = gates(server, clock, count)
    doors = [door(slots, clock, limit, tmp_path / f"gate_{number}") for number, slots in enumerate(made)]
    in_use, most, seen_at_refusals = 0, 0, []

    def call(gate: Gate) -> None:
        nonlocal in_use, most
        while not stopping.is_set():
            verdict = gate.admit(presented(), "sensors:read")
            if verdict.admitted:
                with counting:
                    in_use += 1
                    most = max(most, in_use)
                stopping.wait(0.02)  # a slow handler
                with counting:
                    in_use -= 1
                gate.end(verdict)
            else:
                assert verdict.spent is not None
                assert verdict.spent.violated == (CONCURRENT,)
                seen_at_refusals.append(in_use)
                stopping.wait(0.005)

    callers = [threading.Thread(target=call, args=(gate,)) for gate in doors for _ in range(2 * limit // count + 2)]
    for caller in callers:
        caller.start()
    while len(seen_at_refusals) < 2_000 and most <= limit:
        for gate in made:
            gate.report()
        stopping.wait(0.02)
    stopping.set()
    for caller in callers:
        caller.join()
    assert most <= limit
    settled = seen_at_refusals[len(seen_at_refusals) // 4 :]
    assert sum(settled) / len(settled) >= 0.95 * limit, "while anybody is refused, nearly all is used"
    pass_seconds(clock, made, 2 * IDLE_SECONDS + 1)
    assert held(server) == 0
    for gate in made:
        gate.stop()


def test_nothing_in_flight_refuses_nobody_by_whichever_gate_it_was_asked(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    made = gates(server, clock, 6)
    for _ in range(5):
        for gate in made:
            assert take(gate, clock, 5)
            gate.give_back(KEY)
    assert [take(gate, clock, 5) for gate in made] == [True] * 5 + [False]
    for gate in made[:5]:
        gate.give_back(KEY)
    # Of a larger limit a gate keeps a few for a second.
    assert [take(made[0], clock, 20) for _ in range(21)] == [True] * 20 + [False]
    for _ in range(20):
        made[0].give_back(KEY)
    made[0].report()
    made[0].report()
    assert all(take(made[1], clock, 20) for _ in range(15))


def test_a_gate_that_joins_first_gets_nothing_that_another_may_hold(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    (old,) = gates(server, clock, 1)
    assert [take(old, clock, 4) for _ in range(4)] == [True] * 4
    server.stop()
    server.start()
    fresh = RedisSlots(SlotCounters(server.url, LEASE, seconds_max=10.0), clock, gates=lambda: 2, lease_seconds=LEASE)
    fresh.report()
    for _ in range(round(LEASE) - 3):
        clock.advance(1.0)
        fresh.report()
        assert fresh.is_on_shares
    pass_seconds(clock, [old, fresh], LEASE + 3)
    assert [take(gate, clock, 4) for gate in (old, fresh)] == [False, False]
    for gate in (old, fresh):
        gate.stop()


@pytest.mark.parametrize(("count", "limit"), [(1, 20), (4, 20), (4, 5)])
def test_far_from_its_limit_a_key_costs_no_call(server: Redis, count: int, limit: int) -> None:
    clock = MovableClock(server, SLOTS)
    gate, *_ = gates(server, clock, count)
    assert take(gate, clock, limit)
    gate.give_back(KEY)
    with server.client() as client:
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        for _ in range(1_000):
            assert take(gate, clock, limit)
            gate.give_back(KEY)
        calls = client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert calls < 10 * count, "signs of life alone"


def test_what_a_dead_gate_held_is_free_a_lease_after_it_was_heard_last_and_not_before(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    dead, living = gates(server, clock, 2)
    assert [take(dead, clock, 5) for _ in range(6)] == [True] * 5 + [False]
    pass_seconds(clock, [living], LEASE - 2)
    assert not take(living, clock, 5)
    pass_seconds(clock, [living], 3)
    assert [take(living, clock, 5) for _ in range(6)] == [True] * 5 + [False]
    # It lives on, unseen: what it has in flight comes on top, and it gets nothing more.
    assert not take(dead, clock, 5)
    for _ in range(5):
        dead.give_back(KEY)
    pass_seconds(clock, [living, dead], 3)
    assert not take(dead, clock, 5)


def test_a_gate_that_was_silent_uses_nothing_that_it_held_idle(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    asleep, living = gates(server, clock, 2)
    assert take(asleep, clock, 20)
    asleep.give_back(KEY)
    assert held(server) > 1, "some beside it, for the next request"
    pass_seconds(clock, [living], LEASE + 1)
    assert [take(living, clock, 20) for _ in range(21)] == [True] * 20 + [False]
    assert not take(asleep, clock, 20)


def test_it_is_heard_at_least_three_times_a_lease_also_with_nothing_to_report(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    (gate,) = gates(server, clock, 1)
    with server.client() as client:
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        for _ in range(round(3 * LEASE / REPORT_SECONDS)):
            clock.advance(REPORT_SECONDS)
            gate.report()
        heard = client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert 9 <= heard <= 15


def test_one_that_leaves_frees_what_it_held_at_once(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    leaving, staying = gates(server, clock, 2)
    assert [take(leaving, clock, 3) for _ in range(3)] == [True] * 3
    leaving.stop()
    assert [take(staying, clock, 3) for _ in range(4)] == [True] * 3 + [False]


def test_redis_lost_and_back_while_slots_are_held(server: Redis) -> None:
    clock = MovableClock(server, SLOTS)
    made = gates(server, clock, 3)
    assert [take(made[0], clock, 6) for _ in range(4)] == [True] * 4
    assert take(made[1], clock, 6)
    server.stop()
    for gate in made:
        gate.report()
        gate.take("key_2", 6, clock.elapsed_seconds())
    # Shares of two each, and what is in use stays so.
    assert all(gate.is_on_shares for gate in made)
    assert [take(gate, clock, 6) for gate in made] == [False, True, True]
    assert not take(made[1], clock, 6)
    server.start()
    for gate in made:
        gate.report()
        assert gate.is_on_shares, "others may hold what is not known yet"
    pass_seconds(clock, made, LEASE + 3)
    assert not any(gate.is_on_shares for gate in made)
    # Seven are in use of six: none is granted until two have ended.
    assert held(server) == 7
    assert [take(gate, clock, 6) for gate in made] == [False] * 3
    for gate in (made[0], made[0]):
        gate.give_back(KEY)
    pass_seconds(clock, made, 3)
    assert [take(made[2], clock, 6) for _ in range(2)] == [True, False]


def held(server: Redis) -> int:
    """Of the key, by what Redis knows."""
    with server.client() as client:
        return sum(map(int, client.hvals(f"{{grillo:quota}}:slots:{KEY}")))
