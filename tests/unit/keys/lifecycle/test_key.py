"""A key as its events make it, and its status at any moment."""

from datetime import datetime, timedelta

import pytest

from services.keys.events import KeyEvent
from services.keys.lifecycle import key
from services.keys.lifecycle.key import Key, Status
from tests.examples import NOON, key_revoked

LATER = NOON + timedelta(hours=1)


def given(*history: KeyEvent) -> Key | None:
    state: Key | None = None
    for event in history:
        state = key.evolve(state, event)
    return state


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
