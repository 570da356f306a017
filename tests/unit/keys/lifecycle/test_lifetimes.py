"""No change gives a key a longer life than its organisation allows, whatever it was before."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.lifecycle import organisation
from services.keys.lifecycle.commands import EditKey, NewSecret, RotateKey
from services.keys.lifecycle.decision import KeyHasExpired, RegenerationRequired, decide
from services.keys.lifecycle.key import Access, Key, evolve
from services.keys.lifecycle.lifetimes import BeyondLifetime, Lifetimes, check_lifetime, expiry_of_new
from services.keys.lifecycle.moments import own_moment
from services.keys.lifecycle.organisation import ChangeSettings, DefaultBeyondMaximum, Organisation
from tests.examples import DIGEST, HINT, NOON, create_key, organisation_registered

SECRET = NewSecret(digest=DIGEST, hint=HINT)
days = st.none() | st.integers(1, 30)
edits = st.none() | st.integers(1, 60).map(lambda number: NOON + timedelta(days=number))
commands = st.one_of(
    edits.map(lambda at: EditKey(access=Access(expires_at=at))),
    edits.map(lambda at: EditKey(access=Access(expires_at=at), secret=SECRET)),
    st.just(RotateKey(secret=SECRET, grace=timedelta(hours=1))),
)
steps = st.tuples(st.integers(0, 20), days, commands)


@given(given_expiry=edits, history=st.lists(steps, max_size=6))
def test_a_change_that_passes_leaves_a_key_within_the_maximum_or_ending_no_later_than_before(
    given_expiry: datetime | None, history: list[tuple[int, int | None, EditKey | RotateKey]]
) -> None:
    now, key = NOON, created(Lifetimes(), expires_at=given_expiry)
    for after_days, maximum, command in history:
        now += timedelta(days=after_days)
        try:
            after = changed(key, command, now)
            check_lifetime(key, after, Lifetimes(max_days=maximum))
        except (BeyondLifetime, KeyHasExpired, RegenerationRequired):
            continue
        latest = None if maximum is None else key.created_at + timedelta(days=maximum)
        assert latest is None or lasts_at_most(after, latest) or lasts_at_most(after, key.access.expires_at)
        key = after


@given(maximum=days, default=days, given_expiry=edits)
def test_a_new_key_that_passes_lives_as_long_as_it_may_at_most(
    maximum: int | None, default: int | None, given_expiry: datetime | None
) -> None:
    lifetimes = Lifetimes(max_days=maximum, default_days=default)
    key = created(lifetimes, expires_at=given_expiry)
    latest = None if maximum is None else key.created_at + timedelta(days=maximum)
    if lasts_at_most(key, latest):
        check_lifetime(None, key, lifetimes)
    else:
        with pytest.raises(BeyondLifetime) as refused:
            check_lifetime(None, key, lifetimes)
        assert (refused.value.max_days, refused.value.latest) == (maximum, latest)


@pytest.mark.parametrize(
    ("lifetimes", "permissions", "lives"),
    [
        (Lifetimes(), ("sensors:read",), None),
        (Lifetimes(max_days=9), ("sensors:read",), 9),
        (Lifetimes(max_days=9, default_days=3), ("sensors:read",), 3),
        (Lifetimes(default_days=3), ("sensors:read",), 3),
        (Lifetimes(default_days=3), ("admin", "sensors:read"), None),
        (Lifetimes(max_days=9, default_days=3), ("admin",), None),
    ],
)
def test_a_key_that_does_not_say_when_it_expires(
    lifetimes: Lifetimes, permissions: tuple[str, ...], lives: int | None
) -> None:
    expires_at = None if lives is None else NOON + timedelta(days=lives)
    assert expiry_of_new(lifetimes, permissions, NOON) == expires_at
    (event,) = decide(None, create_key(lifetimes=lifetimes, permissions=permissions, expires_at=None), NOON)
    assert event == decide(None, create_key(permissions=permissions, expires_at=expires_at), NOON)[0]


@given(before=st.tuples(days, days), wanted=st.dictionaries(st.sampled_from(["max", "default"]), days))
def test_settings_merge_and_the_default_is_never_beyond_the_maximum(
    before: tuple[int | None, int | None], wanted: dict[str, int | None]
) -> None:
    known = organisation.evolve(None, organisation_registered())
    for change in (dict(zip(("max", "default"), before, strict=True)), wanted):
        assert known is not None
        outcome = {"max": known.lifetimes.max_days, "default": known.lifetimes.default_days} | change
        is_refused = outcome["max"] is not None and (outcome["default"] or 0) > outcome["max"]
        command = ChangeSettings(**{f"lifetime_{name}_days": value for name, value in change.items()})
        try:
            known = settled(known, command)
        except DefaultBeyondMaximum:
            assert is_refused
        else:
            assert not is_refused
            assert known.lifetimes == Lifetimes(max_days=outcome["max"], default_days=outcome["default"])
            assert organisation.decide(known, command, NOON) == ()


def test_settings_of_both_kinds_change_at_moments_of_their_own() -> None:
    known = organisation.evolve(None, organisation_registered())
    events = organisation.decide(known, ChangeSettings(unused_expiry_days=9, lifetime_max_days=5), NOON)
    first, second = map(own_moment, events)
    assert first is not None
    assert second is not None
    assert NOON < first < second


def settled(known: Organisation, command: ChangeSettings) -> Organisation:
    for event in organisation.decide(known, command, NOON):
        after = organisation.evolve(known, event)
        assert after is not None
        known = after
    return known


def created(lifetimes: Lifetimes, *, expires_at: datetime | None) -> Key:
    command = create_key(lifetimes=None if expires_at else lifetimes, expires_at=expires_at)
    key = evolve(None, decide(None, command, NOON)[0])
    assert key is not None
    return key


def changed(key: Key, command: EditKey | RotateKey, now: datetime) -> Key:
    after = key
    for event in decide(key, command, now):
        evolved = evolve(after, event)
        assert evolved is not None
        after = evolved
    return after


def lasts_at_most(key: Key, latest: datetime | None) -> bool:
    """None: for ever."""
    return latest is None or (key.access.expires_at is not None and key.access.expires_at <= latest)
