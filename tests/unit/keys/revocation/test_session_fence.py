"""The judgement of a person's session: who may change keys, and until when."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.revocation.session_fence import (
    AHEAD_MAX,
    IDLE_MAX,
    LENGTH_MAX,
    RECENT,
    Role,
    Session,
    SessionRefusal,
    is_alive,
    judge,
)
from tests.examples import NOON, ORGANISATION_ID


def session(**different: Any) -> Session:
    parts: dict[str, Any] = {
        "person_id": "usr_1",
        "organisation_id": ORGANISATION_ID,
        "role": Role.ADMIN,
        "signed_in_at": NOON,
        "authenticated_at": NOON,
        "seen_at": NOON,
    }
    return Session(**parts | different)


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_owners_and_admins_change(role: Role) -> None:
    assert judge(session(role=role), ORGANISATION_ID, NOON) is None


def test_a_user_only_sees() -> None:
    assert judge(session(role=Role.USER), ORGANISATION_ID, NOON) is SessionRefusal.ROLE


def test_a_session_that_was_ended_is_none() -> None:
    assert judge(None, ORGANISATION_ID, NOON) is SessionRefusal.ENDED


def test_another_organisation_s_session_is_none() -> None:
    assert judge(session(), "org_other", NOON) is SessionRefusal.ENDED


def test_it_ends_when_idle_and_at_last_however_busy() -> None:
    idle = NOON + IDLE_MAX
    assert judge(session(), ORGANISATION_ID, idle - timedelta(microseconds=1)) is None
    assert judge(session(), ORGANISATION_ID, idle) is SessionRefusal.ENDED
    last = NOON + LENGTH_MAX
    assert judge(session(seen_at=last), ORGANISATION_ID, last) is SessionRefusal.ENDED


def test_what_is_grave_asks_for_a_recent_sign_in() -> None:
    later = NOON + RECENT
    assert judge(session(seen_at=later), ORGANISATION_ID, later) is None
    assert judge(session(seen_at=later), ORGANISATION_ID, later, recent=True) is SessionRefusal.NOT_RECENT
    unproved = session(authenticated_at=None)
    assert judge(unproved, ORGANISATION_ID, NOON, recent=True) is SessionRefusal.NOT_RECENT


@pytest.mark.parametrize("name", ["signed_in_at", "seen_at"])
def test_a_session_of_a_clock_that_was_ahead_has_ended(name: str) -> None:
    assert judge(session(**{name: NOON + AHEAD_MAX}), ORGANISATION_ID, NOON) is None
    ahead = session(**{name: NOON + AHEAD_MAX + timedelta(microseconds=1)})
    assert judge(ahead, ORGANISATION_ID, NOON) is SessionRefusal.ENDED


def test_a_sign_in_of_a_clock_that_was_ahead_is_not_recent() -> None:
    ahead = session(authenticated_at=NOON + AHEAD_MAX + timedelta(microseconds=1))
    assert judge(ahead, ORGANISATION_ID, NOON, recent=True) is SessionRefusal.NOT_RECENT


@given(st.sampled_from(Role), st.timedeltas(timedelta(0), timedelta(days=9)), st.timedeltas(timedelta(0), timedelta(1)))
def test_a_session_that_is_over_never_begins_again(role: Role, after: timedelta, more: timedelta) -> None:
    held = session(role=role)
    if not is_alive(held, NOON + after):
        assert not is_alive(held, NOON + after + more)
