"""A key as of a time that it tells of itself contains what happened then, whatever the clocks did."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.events import KeyEvent, KeyExpired
from services.keys.lifecycle import decision, key, organisation
from services.keys.lifecycle.commands import (
    Command,
    DeleteKey,
    EditKey,
    NewSecret,
    ResumeKey,
    RevokeKey,
    RotateKey,
    SuspendKey,
)
from services.keys.lifecycle.expiry import Use, age
from services.keys.lifecycle.key import Access, Key, Reason
from services.keys.lifecycle.moments import count_until, moments
from tests.examples import DIGEST, HINT, NOON, ORGANISATION_ID, create_key

SECRET = NewSecret(digest=DIGEST, hint=HINT)
NEVER_UNUSED = Use(last_used_at=None, known_until=None, unused_expiry_days=None)
DATED = ("created_at", "rotated_at", "suspended_at", "revoked_at")
commands = st.sampled_from(
    [
        SuspendKey(),
        ResumeKey(),
        RotateKey(secret=SECRET, grace=timedelta()),
        RevokeKey(reason=Reason.SUPERSEDED, note=None),
        EditKey(access=Access(expires_at=NOON + timedelta(hours=2))),
        EditKey(access=Access(), permissions=("admin",), secret=SECRET),
        DeleteKey(),
        None,  # the timer
    ]
)
steps = st.sampled_from([0, 0, 1, 3600, 7200, -1, -3600, -86_400]).map(lambda seconds: timedelta(seconds=seconds))


def fold(events: list[KeyEvent]) -> Any:
    state: Key | None = None
    for event in events:
        state = key.evolve(state, event)
    return state


def decided(state: Key | None, command: Command | None, now: datetime) -> tuple[KeyEvent, ...]:
    try:
        return age(state, NEVER_UNUSED, now) if command is None else decision.decide(state, command, now)
    except (key.NoSuchKey, decision.KeyIsRevoked, decision.KeyHasExpired, decision.RegenerationRequired):
        return ()


@given(st.lists(st.tuples(commands, steps), max_size=12))
def test_each_change_is_in_the_key_as_of_its_own_moment_and_none_that_came_after(
    life: list[tuple[Command | None, timedelta]],
) -> None:
    now = NOON
    history = [(event, now) for event in decision.decide(None, create_key(), now)]
    ends = [1]  # how many events there were after each command
    for command, step in life:
        now += step
        happened = decided(fold([event for event, _ in history]), command, now)
        history += [(event, now) for event in happened]
        ends += [len(history)] if happened else []
    events = [event for event, _ in history]
    at = moments(history)
    for end in ends:
        assert count_until(at, at[end - 1]) == end
        then = fold(events[:end])
        for name in DATED:
            if (dated := getattr(then, name)) is not None:
                assert getattr(fold(events[: count_until(at, dated)]), name) == dated


@given(st.lists(st.tuples(st.sampled_from(tuple(organisation.ACTIVE_KEYS_MAX)), steps), min_size=1, max_size=8))
def test_each_tier_is_the_one_as_of_its_own_moment(changes: list[tuple[str, timedelta]]) -> None:
    now, state, tiers = NOON, None, []
    history: list[Any] = []
    register = organisation.RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Railway", tier="free")
    wanted: list[tuple[Any, timedelta]] = [(register, timedelta())]
    wanted += [(organisation.ChangeTier(tier=tier), step) for tier, step in changes]
    for command, step in wanted:
        now += step
        for event in organisation.decide(state, command, now):
            state = organisation.evolve(state, event)
            history.append((event, now))
            tiers.append(state.tier if state else None)
    at = moments(history)
    assert [tiers[count_until(at, moment) - 1] for moment in at] == tiers


@pytest.mark.parametrize("is_older_version", [False, True])
def test_an_expiry_is_known_when_it_was_recorded_and_dated_when_it_was_due(is_older_version: bool) -> None:
    created = decision.decide(None, create_key(expires_at=NOON + timedelta(hours=1)), NOON)
    suspended_at = NOON + timedelta(hours=2)
    suspended = decision.decide(fold([*created]), SuspendKey(), suspended_at)
    expired = age(fold([*created, *suspended]), NEVER_UNUSED, NOON + timedelta(hours=3))
    if is_older_version:
        expired = tuple(replace(event, recorded_at=None) for event in expired if isinstance(event, KeyExpired))
    history = [
        (event, NOON + timedelta(hours=hours)) for hours, event in enumerate((*created, *suspended, *expired), 1)
    ]
    at = moments(history)
    assert count_until(at, NOON + timedelta(hours=1)) == 1  # neither the suspension, nor what was recorded after it
    assert count_until(at, suspended_at) == 2


def test_an_expiry_by_time_has_a_moment_that_no_later_change_shares() -> None:
    history: list[tuple[KeyEvent, datetime]] = [(event, NOON) for event in decision.decide(None, create_key(), NOON)]
    for command in (SuspendKey(), EditKey(access=Access(expires_at=NOON)), None, ResumeKey()):
        history += [(event, NOON) for event in decided(fold([event for event, _ in history]), command, NOON)]
    assert len(set(moments(history))) == len(history) == 5


def test_a_key_has_been_expired_since_its_expiry_time_also_before_that_is_recorded() -> None:
    due, later = NOON + timedelta(hours=1), NOON + timedelta(hours=3)

    def since(now: datetime, **known: datetime) -> datetime | None:
        moments_ = {"expired_at": None, "expires_at": due, "revoked_at": None} | known
        return key.expired_since(**moments_, now=now)

    assert since(due - timedelta(microseconds=1)) is None
    assert since(due) == since(later, expired_at=due) == since(later, revoked_at=later) == due
    assert since(later, revoked_at=NOON) is None
