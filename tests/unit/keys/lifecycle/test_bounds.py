"""What bounds a key bounds whatever it makes: reflexive, transitive, and kept through any sequence of commands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from services.keys.lifecycle.bounds import BOUNDS, exceeded
from services.keys.lifecycle.key import Access
from tests.examples import NOON

expiries = st.none() | st.sampled_from([NOON + timedelta(days=days) for days in (1, 2, 3)])
limits = st.none() | st.integers(1, 3)
networks = st.lists(
    st.sampled_from(
        ["192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25", "192.0.2.7", "2001:db8::/32", "::ffff:192.0.2.7"]
    ),
    max_size=3,
    unique=True,
)
accesses = st.builds(
    Access,
    expires_at=expiries,
    allow_query=st.booleans(),
    allowed_addresses=networks.map(tuple),
    minute_limit=limits,
    day_limit=limits,
    networks=st.none() | st.sets(st.sampled_from(["net_1", "net_2", "net_3"])).map(lambda ids: tuple(sorted(ids))),
)
FREE = Access()


def within(inner: Access, outer: Access) -> bool:
    return exceeded(outer, None, inner) is None


@given(accesses)
def test_a_key_makes_what_it_is_itself(access: Access) -> None:
    assert within(access, access)
    assert within(access, FREE)


@given(accesses, accesses, accesses)
def test_what_is_made_by_what_was_made_is_within_the_first(first: Access, second: Access, third: Access) -> None:
    assert within(third, first) or not (within(second, first) and within(third, second))


@pytest.mark.parametrize(
    ("bound", "outer", "inside", "outside"),
    [
        ("expires_at", NOON, [NOON, NOON - timedelta(seconds=1)], [None, NOON + timedelta(seconds=1)]),
        ("minute_limit", 5, [5, 1], [None, 6]),
        ("day_limit", 5, [5, 1], [None, 6]),
        ("networks", ("net_1", "net_2"), [("net_2",), ("net_1", "net_2"), ()], [None, ("net_1", "net_3")]),
        ("networks", (), [()], [None, ("net_1",)]),
        (
            "allowed_addresses",
            ("192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"),
            [("192.0.2.7",), ("192.0.2.0/24", "2001:db8::1"), ("::ffff:192.0.2.7",)],
            [(), ("192.0.2.7", "192.0.3.1"), ("::/0",), ("192.0.0.0/16",)],
        ),
    ],
)
def test_each_bound_is_told_by_its_name(bound: str, outer: Any, inside: list[Any], outside: list[Any]) -> None:
    def access(value: Any) -> Access:
        return replace(FREE, **{bound: value})

    assert {exceeded(access(outer), None, access(value)) for value in inside} == {None}
    assert {exceeded(access(outer), None, access(value)) for value in outside} == {bound}
    # The secret stays, so that only what is wider than before counts; and what was wider may become less so.
    assert {exceeded(access(outer), access(value), access(value)) for value in outside} == {None}
    assert exceeded(access(outer), access(inside[0]), access(outside[0])) == bound
    assert exceeded(access(outer), access(outside[0]), access(outside[1])) is None


def test_a_narrower_bound_does_not_pay_for_a_wider_one() -> None:
    maker = Access(minute_limit=5)
    before, after = Access(expires_at=None, minute_limit=10), Access(expires_at=NOON, minute_limit=11)
    assert exceeded(maker, before, after) == "minute_limit"


class Thief(RuleBasedStateMachine):
    """Holds one key's secret, and does what it may with each key whose secret it comes to hold."""

    held, others = Bundle("held"), Bundle("others")

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[int, Access] = {}
        self.mine: set[int] = set()

    @initialize(target=held, access=accesses)
    def steal(self, access: Access) -> int:
        self.first = access
        return self._new(access)

    @rule(target=others, access=accesses)
    def owner_creates(self, access: Access) -> int:
        self.keys[len(self.keys)] = access
        return len(self.keys) - 1

    @rule(target=held, maker=held, access=accesses)
    def create(self, maker: int, access: Access) -> int:
        return self._new(access) if within(access, self.keys[maker]) else maker

    @rule(target=held, maker=held, key=held | others, access=accesses)
    def renew(self, maker: int, key: int, access: Access) -> int:
        """Rotated with what it may, or regenerated with another access."""
        if not within(access, self.keys[maker]):
            return maker
        self.keys[key] = access
        self.mine.add(key)
        return key

    @rule(maker=held, key=held | others, access=accesses)
    def edit(self, maker: int, key: int, access: Access) -> None:
        if exceeded(self.keys[maker], self.keys[key], access) is None:
            self.keys[key] = access

    @invariant()
    def holds_no_more_than_it_stole(self) -> None:
        assert all(within(self.keys[key], self.first) for key in self.mine)

    def _new(self, access: Access) -> int:
        key = len(self.keys)
        self.keys[key] = access
        self.mine.add(key)
        return key


TestThief = Thief.TestCase
# Whole keys are drawn at each step, which a busy machine takes long for.
TestThief.settings = settings(max_examples=40, stateful_step_count=12, suppress_health_check=[HealthCheck.too_slow])


def test_every_setting_of_access_bounds_or_is_known_not_to() -> None:
    """Whoever adds a setting is made to think of it."""
    assert BOUNDS.keys() == set(Access.__slots__) - {"allow_query"}
