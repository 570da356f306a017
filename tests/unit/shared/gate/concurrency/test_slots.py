"""Slots of one gate, and what several gates hold: never more than the limit, and nothing that is never given back."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.gate.concurrency.held_slots import IDLE_SECONDS, RESTATED_SECONDS, Answer, HeldSlots, Statement
from shared.gate.concurrency.redis_slots import RedisSlots
from shared.gate.concurrency.slot_counters import Joined
from shared.gate.concurrency.slots import NONE_LEFT, MemorySlots, ShareSlots
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW

KEY, LIMIT = "key_1", 7


def test_one_gate_admits_as_many_as_are_allowed_and_again_as_many_once_they_are_answered() -> None:
    slots = MemorySlots()
    for _ in range(3):
        assert [slots.take(KEY, 2, 0.0) for _ in range(4)] == [1, 0, NONE_LEFT, NONE_LEFT]
        assert slots.take("key_2", 2, 0.0) == 1, "of another key"
        slots.give_back("key_2")
        for _ in range(2):
            slots.give_back(KEY)
    assert slots._in_use == {}


def test_a_limit_that_is_lowered_holds_for_the_next_and_ends_nothing() -> None:
    slots = MemorySlots()
    assert [slots.take(KEY, 3, 0.0) for _ in range(3)] == [2, 1, 0]
    assert slots.take(KEY, 1, 0.0) == NONE_LEFT
    for _ in range(3):
        slots.give_back(KEY)
    assert slots.take(KEY, 1, 0.0) == 0


def test_of_more_gates_than_slots_each_has_one() -> None:
    slots = ShareSlots(lambda: 9)
    assert [slots.take(KEY, 5, 0.0), slots.take(KEY, 5, 0.0)] == [0, NONE_LEFT]
    assert [slots.take("key_2", 20, 0.0) for _ in range(3)] == [1, 0, NONE_LEFT]


@dataclass
class AllGates:
    """What redis_slots.lua does, for one key. `held`: by gate."""

    held: dict[int, int] = field(default_factory=dict)

    def settle(self, gate: int, statement: Statement) -> Answer:
        others = sum(held for number, held in self.held.items() if number != gate)
        granted = max(0, min(statement.wanted, statement.limit - others - statement.held))
        self.held[gate] = statement.held + granted
        return Answer(granted, others)


def take(gate: HeldSlots, number: int, all_gates: AllGates, elapsed: float) -> int:
    left = gate.take(KEY, LIMIT, elapsed)
    if left is None:
        statement = gate.ask(KEY, LIMIT, elapsed)
        left = gate.answered(KEY, statement, all_gates.settle(number, statement), elapsed)
    return left


def tell(gate: HeldSlots, number: int, all_gates: AllGates, elapsed: float) -> None:
    told = gate.stated(gate.idle(elapsed))
    for statement in told.values():
        all_gates.settle(number, statement)
    gate.told(told, elapsed)


def give_back(gate: HeldSlots, number: int, all_gates: AllGates, elapsed: float) -> None:
    if gate.give_back(KEY, lambda: elapsed):
        told = gate.without_idle(KEY)
        for statement in told.values():
            all_gates.settle(number, statement)
        gate.told(told, elapsed)


def trusting(gates: int = 1) -> HeldSlots:
    gate = HeldSlots(lambda: gates)
    gate.trusted_until = float("inf")
    return gate


STEPS = st.tuples(st.integers(0, 2), st.sampled_from(["take", "take", "end", "tell"]), st.floats(0, 1.5))


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=150), st.sampled_from([1, 3]))
def test_the_gates_together_never_hold_more_than_the_limit_and_give_all_back(
    steps: list[tuple[int, str, float]], count: int
) -> None:
    """`count`: as many as they take themselves for; of many none keeps anything idle near the limit."""
    all_gates, gates, in_use, elapsed = AllGates(), [trusting(count) for _ in range(3)], [0, 0, 0], 0.0
    for number, step, seconds in steps:
        elapsed += seconds
        gate = gates[number]
        match step:
            case "take":
                in_use[number] += take(gate, number, all_gates, elapsed) != NONE_LEFT
            case "end" if in_use[number]:
                give_back(gate, number, all_gates, elapsed)
                in_use[number] -= 1
            case "end":
                pass
            case _:
                tell(gate, number, all_gates, elapsed)
        assert sum(in_use) <= sum(all_gates.held.values()) <= LIMIT
    for number, gate in enumerate(gates):
        for _ in range(in_use[number]):
            give_back(gate, number, all_gates, elapsed)
        for _ in range(3):
            elapsed += 1.5 * IDLE_SECONDS
            tell(gate, number, all_gates, elapsed)
        assert gate._by_key == {}
    assert sum(all_gates.held.values()) == 0


def test_what_is_used_again_costs_no_question_and_what_is_idle_goes_to_whom_it_was_refused() -> None:
    all_gates, (first, second) = AllGates(), (trusting(), trusting())
    for _ in range(LIMIT):
        assert take(first, 0, all_gates, 0.0) != NONE_LEFT
    assert take(second, 1, all_gates, 0.0) == NONE_LEFT
    for _ in range(LIMIT):
        first.give_back(KEY, lambda: 0.0)
    for _ in range(LIMIT):
        assert first.take(KEY, LIMIT, 0.5) is not None, "unasked"
        first.give_back(KEY, lambda: 0.0)
    for elapsed in (IDLE_SECONDS, 2 * IDLE_SECONDS):
        tell(first, 0, all_gates, elapsed)
    assert take(second, 1, all_gates, 2 * IDLE_SECONDS) != NONE_LEFT


def test_far_from_its_limit_a_lone_request_costs_no_question_however_many_gates_there_are() -> None:
    all_gates, gate = AllGates(), trusting(4)
    assert take(gate, 0, all_gates, 0.0) != NONE_LEFT
    for number in range(50):
        elapsed = 0.3 * number
        assert not gate.give_back(KEY, partial(float, elapsed)), "nobody hears of it"
        assert gate.idle(elapsed + 0.2) == []
        assert gate.take(KEY, LIMIT, elapsed + 0.3) is not None, "unasked"


def test_what_two_ended_at_once_is_told_once_though_the_key_was_forgotten_between() -> None:
    gate = trusting(4)
    for _ in range(2):
        gate.answered(KEY, gate.ask(KEY, 2, 0.0), Answer(1, 0), 0.0)
    assert [gate.give_back(KEY, lambda: 0.0), gate.give_back(KEY, lambda: 0.0)] == [True, True]
    told = gate.without_idle(KEY)
    assert told == {KEY: Statement(0, 0, 0)}
    gate.told(told, 0.0)
    assert gate.idle(0.0) == []
    assert gate.without_idle(KEY) == {}


def test_of_a_limit_that_is_lowered_no_more_is_used_than_it_says_also_of_what_is_held() -> None:
    all_gates, gate = AllGates(), trusting()
    for _ in range(LIMIT):
        assert take(gate, 0, all_gates, 0.0) != NONE_LEFT
    for _ in range(LIMIT):
        gate.give_back(KEY, lambda: 0.0)
    assert [gate.take(KEY, 2, 0.0) for _ in range(3)] == [1, 0, None]


def test_what_is_held_for_long_is_said_again() -> None:
    all_gates, gate = AllGates(), trusting()
    assert take(gate, 0, all_gates, 0.0) != NONE_LEFT
    tell(gate, 0, all_gates, 2 * IDLE_SECONDS)
    assert gate.idle(RESTATED_SECONDS - 1) == []
    assert gate.idle(RESTATED_SECONDS + 2 * IDLE_SECONDS) == [KEY]


def test_a_key_that_is_asked_for_is_not_forgotten_meanwhile() -> None:
    """A report comes while Redis is asked: it waits."""
    reports: list[threading.Thread] = []

    class Counters:
        def join(self, known: Joined | None) -> Joined:
            return Joined("continuity", "gate", 0.0)

        def settle(self, joined: Joined, key_ids: Sequence[str], statements: Sequence[Statement]) -> list[Answer]:
            if key_ids and statements[0].wanted:
                reports.append(threading.Thread(target=slots.report))
                reports[-1].start()
                reports[-1].join(0.1)
            return [Answer(1, 0) for _ in key_ids]

    slots = RedisSlots(Counters(), ManualClock(NOW), gates=lambda: 4, lease_seconds=10)  # type: ignore[arg-type]
    slots.report()
    assert not slots.is_on_shares
    assert slots.take(KEY, LIMIT, 0.0) != NONE_LEFT
    for report in reports:
        report.join()
    slots.give_back(KEY)


def test_a_refusal_is_not_asked_about_again_at_once() -> None:
    all_gates, (first, second) = AllGates(), (trusting(), trusting())
    for _ in range(LIMIT):
        take(first, 0, all_gates, 0.0)
    assert second.take(KEY, LIMIT, 0.0) is None
    assert take(second, 1, all_gates, 0.0) == NONE_LEFT
    assert second.take(KEY, LIMIT, 0.01) == NONE_LEFT
    assert second.take(KEY, LIMIT, 0.1) is None


def test_what_was_taken_as_a_share_is_told_once_all_gates_are_counted_again() -> None:
    all_gates, gate = AllGates(), trusting()
    assert [gate.take_share(KEY, 2, 0.0) for _ in range(3)] == [1, 0, NONE_LEFT]
    tell(gate, 0, all_gates, 0.0)
    assert all_gates.held == {0: 2}
    assert gate.in_use() == {KEY: Statement(2, 0, 0)}
