"""The life of a key and of an organisation: given what happened, when this is asked, then that happens, or nothing."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.keys.events import KeyCreated, KeyEvent, KeyRevoked
from services.keys.lifecycle import key, organisation
from services.keys.lifecycle.commands import CreateKey, RevokeKey
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Key, KeyExists, NoSuchKey, Reason, Status
from services.keys.lifecycle.organisation import (
    TIERS,
    NameHoldsKey,
    OrganisationExists,
    RegisterOrganisation,
    UnknownTier,
)
from tests.examples import (
    NOON,
    ORGANISATION_ID,
    create_key,
    key_created,
    key_revoked,
    organisation_registered,
)

REVOKE = RevokeKey(reason=Reason.KEY_COMPROMISE, note="sealed note")
REGISTER = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier="standard")
LATER = NOON + timedelta(hours=1)


def given(*history: KeyEvent) -> Key | None:
    state: Key | None = None
    for event in history:
        state = key.evolve(state, event)
    return state


def test_a_new_key_is_created_with_all_that_was_asked_for() -> None:
    command = create_key(permissions=("admin", "sensors:read"), allow_query=False, day_limit=500)
    assert decide(given(), command, NOON) == (
        key_created(permissions=("admin", "sensors:read"), allow_query=False, day_limit=500),
    )


@pytest.mark.parametrize("history", [(key_created(),), (key_created(), key_revoked())])
def test_an_id_is_used_once(history: tuple[KeyEvent, ...]) -> None:
    with pytest.raises(KeyExists):
        decide(given(*history), create_key(), NOON)


@pytest.mark.parametrize("reason", Reason)
def test_a_key_is_revoked_for_the_reason_given(reason: Reason) -> None:
    command = RevokeKey(reason=reason, note="sealed note")
    assert decide(given(key_created()), command, LATER) == (key_revoked(reason=reason.value),)


def test_a_key_that_has_expired_can_still_be_revoked() -> None:
    created = key_created(expires_at=NOON + timedelta(minutes=1))
    assert decide(given(created), REVOKE, LATER) == (key_revoked(),)


def test_a_key_that_was_never_created_cannot_be_revoked() -> None:
    with pytest.raises(NoSuchKey):
        decide(given(), REVOKE, LATER)


def test_a_revoked_key_is_not_revoked_again_whatever_the_reason() -> None:
    history = given(key_created(), key_revoked())
    assert decide(history, REVOKE, LATER) == ()
    assert decide(history, RevokeKey(reason=Reason.SUPERSEDED, note=None), LATER) == ()


@for_all(st.lists(st.sampled_from([create_key(), REVOKE, RevokeKey(reason=Reason.SUPERSEDED, note=None)])))
def test_whatever_is_asked_in_whatever_order_a_key_lives_once_and_never_returns(
    commands: list[CreateKey | RevokeKey],
) -> None:
    history: list[KeyEvent] = []
    for minutes, command in enumerate(commands):
        try:
            history += decide(given(*history), command, NOON + timedelta(minutes=minutes))
        except (KeyExists, NoSuchKey):
            continue
    assert [type(event) for event in history] in ([], [KeyCreated], [KeyCreated, KeyRevoked])
    state = given(*history)
    if state is not None and len(history) == 2:
        assert state.status(NOON) is Status.REVOKED


@pytest.mark.parametrize(
    ("moments", "now", "expected"),
    [
        ({}, NOON, Status.ACTIVE),
        ({"expires_at": LATER}, LATER - timedelta(microseconds=1), Status.ACTIVE),
        ({"expires_at": LATER}, LATER, Status.EXPIRED),
        ({"expires_at": LATER}, LATER + timedelta(days=1), Status.EXPIRED),
        ({"expired_at": NOON}, NOON, Status.EXPIRED),
        ({"suspended_at": NOON, "expires_at": NOON}, LATER, Status.SUSPENDED),
        ({"revoked_at": NOON, "suspended_at": NOON, "expires_at": LATER}, NOON, Status.REVOKED),
        ({"revoked_at": LATER, "expires_at": NOON, "expired_at": NOON}, LATER, Status.REVOKED),
    ],
)
def test_revoked_comes_first_then_suspended_and_a_key_expires_at_the_very_moment(
    moments: dict[str, datetime], now: datetime, expected: Status
) -> None:
    names = ("revoked_at", "suspended_at", "expired_at", "expires_at")
    assert key.status(**{name: moments.get(name) for name in names}, now=now) is expected


def test_folding_never_refuses_even_what_cannot_have_happened() -> None:
    assert given(key_revoked()) is None


@pytest.mark.parametrize("tier", TIERS)
def test_an_organisation_registers_in_any_tier_there_is(tier: str) -> None:
    command = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier=tier)
    (event,) = organisation.decide(None, command, NOON)
    assert event == organisation_registered(tier=tier)
    assert organisation.evolve(None, event) == organisation.Organisation(
        organisation_id=ORGANISATION_ID, name="Protezione civile", tier=tier
    )


def test_an_organisation_in_no_tier_there_is_is_refused() -> None:
    command = RegisterOrganisation(organisation_id=ORGANISATION_ID, name="Protezione civile", tier="gold")
    with pytest.raises(UnknownTier, match="'gold' is not a tier; there are free, standard, premium"):
        organisation.decide(None, command, NOON)


def test_an_organisation_registers_once() -> None:
    state = organisation.evolve(None, organisation_registered())
    with pytest.raises(OrganisationExists):
        organisation.decide(state, REGISTER, NOON)


def test_an_organisations_name_holds_no_key() -> None:
    name = "Railway grl_" + 49 * "x"
    with pytest.raises(NameHoldsKey) as refused:
        organisation.decide(None, RegisterOrganisation(organisation_id="org_1", name=name, tier="free"), NOON)
    assert "grl_" not in str(refused.value)
