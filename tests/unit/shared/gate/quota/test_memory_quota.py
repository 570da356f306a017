"""The law of the limits: never over in any 60 s, never over in any UTC day, never refused for less."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import DAY_SECONDS, MemoryQuota, Spent, day_of
from tests.gate_examples import NOW, manual_clock

TraceFunction = Callable[[FrameType, str, Any], Any]

# Sixteenths of a second are exact in a float, so the law is tested as it is written.
steps = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 1200)).map(lambda sixteenths: sixteenths / 16)
limits = st.builds(Limits, minute=st.integers(1, 6), day=st.none() | st.integers(1, 12))
LATE_SECONDS_MAX = 1.0  # whole seconds are told, so an answer is up to one too late


class OneKey(RuleBasedStateMachine):
    """Requests of one key, and of another beside it, as time passes and limits change."""

    @initialize(limits=limits, seconds_to_midnight=st.integers(0, 200))
    def begin(self, limits: Limits, seconds_to_midnight: int) -> None:
        self.clock = manual_clock(seconds_to_midnight)
        self.quota, self.limits = MemoryQuota(), limits
        self.admitted: list[tuple[float, int]] = []  # elapsed, day

    @rule(seconds=steps)
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(limits=limits)
    def change_the_limits(self, limits: Limits) -> None:
        self.limits = limits

    @rule(requests=st.integers(1, 8))
    def ask(self, requests: int) -> None:
        for _ in range(requests):
            self._ask_once()

    @rule()
    def forget_what_is_idle(self) -> None:
        self.quota.forget_idle(self.clock.elapsed_seconds())

    @rule()
    def wait_as_told_and_ask_again(self) -> None:
        told = self.quota.peek("key", self.limits, self.clock.elapsed_seconds(), self.clock.now().timestamp())
        if not told.admitted:
            self.clock.advance(told.retry_after_seconds)
        assert self._ask_once().admitted

    @rule()
    def look(self) -> None:
        spent = self.quota.peek("key", self.limits, self.clock.elapsed_seconds(), self.clock.now().timestamp())
        assert spent == self.quota.peek("key", self.limits, self.clock.elapsed_seconds(), self.clock.now().timestamp())
        assert spent.admitted == self._has_room()
        self._check_numbers(spent)

    @rule()
    def use_another_key(self) -> None:
        self.quota.spend("other", self.limits, self.clock.elapsed_seconds(), self.clock.now().timestamp())

    def _ask_once(self) -> Spent:
        elapsed, now = self.clock.elapsed_seconds(), self.clock.now()
        had_room = self._has_room()
        spent = self.quota.spend("key", self.limits, elapsed, now.timestamp())
        assert spent.admitted == had_room
        if spent.admitted:
            self.admitted.append((elapsed, now.toordinal()))
        self._check_numbers(spent)
        return spent

    def _has_room(self) -> bool:
        """The law, by counting: what a client may count on, and no more."""
        return self._in_window(self.clock.elapsed_seconds()) < self.limits.minute and (
            self.limits.day is None or self._today(self.clock.now()) < self.limits.day
        )

    def _check_numbers(self, spent: Spent) -> None:
        used = self._in_window(self.clock.elapsed_seconds())
        today = self._today(self.clock.now())
        assert spent.minute_left == max(0, self.limits.minute - used)
        assert spent.day_left == (None if self.limits.day is None else max(0, self.limits.day - today))
        assert 1 <= spent.minute_reset_seconds <= 60
        assert 1 <= spent.day_reset_seconds <= DAY_SECONDS
        if spent.admitted:
            assert (spent.violated, spent.retry_after_seconds) == ((), 0)
        else:
            assert spent.violated == tuple(self._violated())
            # Not late: a little earlier than told, there is no room yet.
            assert not self._would_have_room_in(spent.retry_after_seconds - LATE_SECONDS_MAX)

    def _violated(self) -> list[str]:
        minute_full = self._in_window(self.clock.elapsed_seconds()) >= self.limits.minute
        day_full = self.limits.day is not None and self._today(self.clock.now()) >= self.limits.day
        return [name for name, full in (("minute", minute_full), ("day", day_full)) if full]

    def _would_have_room_in(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        then = self.clock.now() + timedelta(seconds=seconds)
        return self._in_window(self.clock.elapsed_seconds() + seconds) < self.limits.minute and (
            self.limits.day is None or self._today(then) < self.limits.day
        )

    def _in_window(self, elapsed: float) -> int:
        return sum(elapsed - 60 < at <= elapsed for at, _ in self.admitted)

    def _today(self, now: datetime) -> int:
        return sum(day == now.toordinal() for _, day in self.admitted)


def test_admissions_follow_the_law_through_bursts_midnights_and_changed_limits() -> None:
    run_state_machine_as_test(OneKey, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))


@given(st.lists(st.tuples(steps, limits), min_size=1, max_size=120))
def test_no_sixty_seconds_and_no_day_ever_hold_more_than_was_allowed_at_their_last_admission(
    arrivals: list[tuple[float, Limits]],
) -> None:
    """The law over the whole history, window by window, rather than decision by decision."""
    clock, quota = manual_clock(seconds_to_midnight=90), MemoryQuota()
    admitted: list[tuple[Fraction, int, Limits]] = []
    for seconds, allowed in arrivals:
        clock.advance(seconds)
        if quota.spend("key", allowed, clock.elapsed_seconds(), clock.now().timestamp()).admitted:
            admitted.append((Fraction(clock.elapsed_seconds()), clock.now().toordinal(), allowed))
    for number, (t, day, allowed) in enumerate(admitted):
        before = admitted[: number + 1]
        assert sum(t - 60 < at <= t for at, _, _ in before) <= allowed.minute
        assert allowed.day is None or sum(other == day for _, other, _ in before) <= allowed.day


@given(st.lists(st.tuples(steps, st.sampled_from("abc")), max_size=60))
def test_one_keys_use_never_touches_anothers(arrivals: list[tuple[float, str]]) -> None:
    clock, together = manual_clock(), MemoryQuota()
    alone = {key: MemoryQuota() for key in "abc"}
    allowed = Limits(minute=3, day=8)
    for seconds, key in arrivals:
        clock.advance(seconds)
        moment = clock.elapsed_seconds(), clock.now().timestamp()
        assert together.spend(key, allowed, *moment) == alone[key].spend(key, allowed, *moment)


@given(st.lists(st.tuples(steps, st.booleans()), max_size=60))
def test_forgetting_idle_counters_changes_no_decision(arrivals: list[tuple[float, bool]]) -> None:
    clock, tidied, kept = manual_clock(seconds_to_midnight=100), MemoryQuota(), MemoryQuota()
    allowed = Limits(minute=3, day=5)
    for seconds, tidy in arrivals:
        clock.advance(seconds)
        moment = clock.elapsed_seconds(), clock.now().timestamp()
        if tidy:
            tidied.forget_idle(moment[0])
        assert tidied.spend("key", allowed, *moment) == kept.spend("key", allowed, *moment)


def test_forgetting_lets_go_of_keys_that_were_not_used_for_a_day_and_of_no_others() -> None:
    clock, quota = manual_clock(seconds_to_midnight=30), MemoryQuota()
    allowed = Limits(minute=1, day=1)
    quota.spend("yesterday", allowed, clock.elapsed_seconds(), clock.now().timestamp())
    clock.advance(DAY_SECONDS - 1)
    quota.forget_idle(clock.elapsed_seconds())
    assert set(quota._windows) == {"yesterday"}  # memory is the promise here, and nothing public shows it
    quota.spend("today", allowed, clock.elapsed_seconds(), clock.now().timestamp())
    clock.advance(1)
    quota.forget_idle(clock.elapsed_seconds())
    assert set(quota._windows) == {"today"}


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 9), st.booleans()), max_size=12))
def test_no_day_is_admitted_twice_however_often_the_clock_is_set(stays: list[tuple[int, int, bool]]) -> None:
    """Each stay: a day, how many requests then, and whether the process starts anew before."""
    allowed, elapsed = Limits(minute=100, day=5), 0.0
    admitted: Counter[int] = Counter()

    def spent_on(_key_id: str, day: int) -> int:
        return admitted[day]

    quota = MemoryQuota(spent_on)
    for day, requests, starts_anew in stays:
        now = NOW.timestamp() + day * DAY_SECONDS
        if starts_anew:
            quota = MemoryQuota(spent_on)
            quota.seed("key", (), admitted[day_of(now)], elapsed, now)
        for _ in range(requests):
            elapsed += 1000
            expected = admitted[day_of(now)] < 5
            assert quota.spend("key", allowed, elapsed, now).admitted == expected
            admitted[day_of(now)] += expected


def test_both_limits_are_decided_at_once_and_a_refusal_by_either_costs_neither() -> None:
    clock, quota = manual_clock(seconds_to_midnight=3600), MemoryQuota()

    def ask(minute: int, day: int) -> Spent:
        return quota.spend("key", Limits(minute=minute, day=day), clock.elapsed_seconds(), clock.now().timestamp())

    assert ask(2, 3).admitted
    assert ask(2, 3).admitted
    for _ in range(50):
        assert ask(2, 3).violated == ("minute",)
    clock.advance(60)
    third = ask(2, 3)
    assert (third.admitted, third.day_left, third.minute_left) == (True, 0, 1)
    for _ in range(50):
        refused = ask(2, 3)
        assert (refused.violated, refused.retry_after_seconds) == (("day",), 3540)
        assert refused.minute_left == 1
    assert ask(1, 3).violated == ("minute", "day")


def test_a_lowered_limit_is_told_how_long_until_enough_has_left_the_window() -> None:
    clock, quota = manual_clock(), MemoryQuota()
    for _ in range(5):
        quota.spend("key", Limits(minute=5, day=None), clock.elapsed_seconds(), clock.now().timestamp())
        clock.advance(1)
    refused = quota.peek("key", Limits(minute=2, day=None), clock.elapsed_seconds(), clock.now().timestamp())
    assert refused.retry_after_seconds == 58  # the fourth, made two seconds ago, has to leave
    clock.advance(refused.retry_after_seconds)
    assert quota.spend("key", Limits(minute=2, day=None), clock.elapsed_seconds(), clock.now().timestamp()).admitted


def test_what_was_spent_before_a_start_counts_as_if_spent_here() -> None:
    clock, restarted, steady = manual_clock(), MemoryQuota(), MemoryQuota()
    allowed = Limits(minute=4, day=6)
    moments = []
    for seconds in (0, 30, 15, 0, 14):
        clock.advance(seconds)
        if steady.spend("key", allowed, clock.elapsed_seconds(), clock.now().timestamp()).admitted:
            moments.append(clock.elapsed_seconds())
    restarted.seed("key", reversed(moments), len(moments), clock.elapsed_seconds(), clock.now().timestamp())
    for seconds in (0, 1, 0, 30, 0, 30, 0, 0, 86_400, 0):
        clock.advance(seconds)
        moment = clock.elapsed_seconds(), clock.now().timestamp()
        assert restarted.spend("key", allowed, *moment) == steady.spend("key", allowed, *moment)


def test_a_days_limit_ends_at_midnight_utc() -> None:
    quota, allowed = MemoryQuota(), Limits(minute=100, day=1)
    last_second = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    assert quota.spend("key", allowed, 0.0, last_second).admitted
    assert not quota.spend("key", allowed, 0.5, last_second + 0.5).admitted
    assert quota.spend("key", allowed, 1.0, last_second + 1).admitted


def test_threads_that_ask_at_once_are_never_admitted_over_the_limit() -> None:
    """A server with several blocking threads shares one quota; here the threads take turns at every line."""
    quota, allowed = MemoryQuota(), Limits(minute=50, day=2_000)
    admitted: list[float] = []

    def ask() -> None:
        sys.settrace(_give_way)
        admitted.extend(1 for _ in range(40) if quota.spend("key", allowed, 1000.0, NOW.timestamp()).admitted)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 50


def _give_way(frame: FrameType, event: str, argument: object) -> TraceFunction:
    time.sleep(0.000_001)
    return _give_way


def test_a_thread_with_an_older_reading_of_the_clock_is_not_admitted_into_a_window_already_emptied() -> None:
    quota, allowed = MemoryQuota(), Limits(minute=1, day=None)
    assert quota.spend("key", allowed, 1000.0, NOW.timestamp()).admitted
    assert quota.spend("key", allowed, 1060.0, NOW.timestamp()).admitted
    assert not quota.spend("key", allowed, 1059.9, NOW.timestamp()).admitted
    assert quota.peek("other", allowed, 1059.9, NOW.timestamp()).minute_reset_seconds == 60


def test_what_a_thread_with_an_older_reading_is_admitted_counts_from_the_later_one() -> None:
    quota, allowed = MemoryQuota(), Limits(minute=1, day=None)
    quota.peek("another", allowed, 1060.0, NOW.timestamp())
    assert quota.spend("key", allowed, 1000.0, NOW.timestamp()).admitted
    assert not quota.spend("key", allowed, 1119.9, NOW.timestamp()).admitted
    assert quota.spend("key", allowed, 1120.0, NOW.timestamp()).admitted
