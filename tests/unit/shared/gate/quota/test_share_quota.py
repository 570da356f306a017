"""Shares of a limit: what several gates that count for themselves admit together."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.gate.grants.grant import Limits
from shared.gate.quota.share_quota import ShareQuota
from shared.runtime.clock import ManualClock
from tests.gate_examples import manual_clock

LIMITS = Limits(minute=60, day=600)


def admitted(quota: ShareQuota, clock: ManualClock, requests: int = 100, limits: Limits = LIMITS) -> int:
    moment = clock.elapsed_seconds(), clock.now().timestamp()
    return sum(quota.spend("key", limits, *moment).admitted for _ in range(requests))


@settings(deadline=None)
@given(
    gates=st.integers(1, 8),
    limit=st.integers(0, 60),
    waits=st.lists(st.integers(0, 45), max_size=12),
)
def test_gates_that_others_counted_for_before_admit_one_share_in_the_first_minute_and_then_the_limit_at_most(
    gates: int, limit: int, waits: list[int]
) -> None:
    clock, limits = manual_clock(), Limits(minute=limit, day=None)
    began = clock.elapsed_seconds()
    quotas = [ShareQuota(lambda: gates, began) for _ in range(gates)]
    moments: list[float] = []
    for wait in (0, *waits):
        clock.advance(wait)
        count = sum(admitted(quota, clock, limit + 2, limits) for quota in quotas)
        moments += [clock.elapsed_seconds()] * count
        if clock.elapsed_seconds() < began + 60:
            assert len(moments) <= limit // gates
        assert sum(at > clock.elapsed_seconds() - 60 for at in moments) <= limit


def test_what_is_left_of_the_first_day_is_a_share_of_a_share_and_the_next_day_a_share() -> None:
    clock = manual_clock(seconds_to_midnight=500)
    quota = ShareQuota(lambda: 2, clock.elapsed_seconds())
    first = 0
    for _ in range(7):
        first += admitted(quota, clock)
        clock.advance(61)
    assert first == 600 // 4
    clock.advance(100)
    second = 0
    for _ in range(20):
        second += admitted(quota, clock)
        clock.advance(61)
    assert second == 600 // 2


def test_where_nobody_counted_before_a_share_is_a_share_from_the_start_less_what_was_spent() -> None:
    clock = manual_clock()
    quota = ShareQuota(lambda: 3)
    assert admitted(quota, clock) == 20
    now = clock.elapsed_seconds()
    quota.seed("other", [now - 1] * 30, 30, now, clock.now().timestamp())
    assert quota.peek("other", LIMITS, now, clock.now().timestamp()).minute_left == 10
    assert quota.peek("other", LIMITS, now, clock.now().timestamp()).day_left == 190


def test_the_share_of_a_gate_that_left_is_nobody_s_for_a_minute() -> None:
    clock, gates = manual_clock(), [3]
    quota = ShareQuota(lambda: gates[0])
    assert admitted(quota, clock) == 20
    gates[0] = 1
    clock.advance(30)
    assert admitted(quota, clock) == 0
    clock.advance(31)
    assert admitted(quota, clock) == 60
    gates[0] = 3
    clock.advance(61)
    assert admitted(quota, clock) == 20, "one that comes is counted at once"


def test_what_was_admitted_of_late_is_known() -> None:
    clock = manual_clock()
    quota = ShareQuota(lambda: 1, clock.elapsed_seconds())
    admitted(quota, clock, 7)
    assert quota.spent_of_late("key", LIMITS, clock.elapsed_seconds(), clock.now().timestamp()) == 7
    clock.advance(60)
    assert quota.spent_of_late("key", LIMITS, clock.elapsed_seconds(), clock.now().timestamp()) == 0
    quota.forget_idle(clock.elapsed_seconds())
