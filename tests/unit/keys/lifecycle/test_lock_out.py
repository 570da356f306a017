"""What counts as locking out: an admin key that is taken from its organisation, or the access of the key that asks."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.keys.lifecycle import key
from services.keys.lifecycle.key import Access, Key
from services.keys.lifecycle.lock_out import Loss, own_loss, weakens
from tests.examples import NOON, key_created

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = NOON + HOUR


def admin(expires_at: datetime | None = None, addresses: tuple[str, ...] = (), **different: Any) -> Key:
    made = key.evolve(None, key_created(permissions=("admin",)))
    assert made is not None
    return replace(made, access=Access(expires_at=expires_at, allowed_addresses=addresses), **different)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (admin(), admin(revoked_at=NOW)),
        (admin(), admin(suspended_at=NOW)),
        (admin(), admin(expired_at=NOW)),
        (admin(), admin(permissions=("config:write",))),
        (admin(), admin(NOW + DAY)),
        (admin(NOW + 2 * DAY), admin(NOW + HOUR)),
        # It is no longer usable, but what may be done with it is still taken.
        (admin(NOW + 2 * HOUR), admin(NOW + HOUR)),
        (admin(NOW + HOUR), admin(NOW + HOUR, revoked_at=NOW)),
        (admin(NOW + HOUR), admin(NOW + HOUR, digest="of another secret")),
    ],
)
def test_it_weakens_an_admin_key(before: Key, after: Key) -> None:
    assert weakens(before, after, NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, admin(NOW + HOUR)),
        (admin(), admin(NOW + DAY + timedelta(microseconds=1))),
        (admin(), admin(digest="of another secret")),
        (admin(NOW + HOUR), admin(NOW + HOUR, words="other words")),
        (admin(NOW + HOUR), admin(NOW + 2 * HOUR)),
        (admin(NOW + HOUR), admin()),
        (admin(suspended_at=NOON), admin(suspended_at=NOON, revoked_at=NOW)),
        (admin(NOON), admin(NOON, expired_at=NOW)),  # time has ended it, and nobody else
        (admin(permissions=("config:write",)), admin(permissions=("config:write",), revoked_at=NOW)),
    ],
)
def test_it_leaves_the_organisation_what_it_had(before: Key | None, after: Key) -> None:
    assert not weakens(before, after, NOW)


@pytest.mark.parametrize(
    ("after", "loss"),
    [
        (admin(revoked_at=NOW), Loss.OWN_KEY),
        (admin(suspended_at=NOW), Loss.OWN_SUSPENSION),
        (admin(permissions=("sensors:read",)), Loss.OWN_PERMISSION),
        (admin(addresses=("192.0.2.8",)), Loss.OWN_ADDRESS),
        (admin(addresses=("192.0.2.0/24",)), None),
        (admin(NOW + HOUR), None),
        (admin(digest="of another secret"), None),
    ],
)
def test_what_the_key_that_asks_would_lose(after: Key, loss: Loss | None) -> None:
    assert own_loss(admin(), after, "admin", "192.0.2.7") is loss


def test_a_key_that_needs_no_permission_loses_none() -> None:
    assert own_loss(admin(), admin(permissions=("sensors:read",)), None, None) is None
