"""Lock-out: which changes leave an organisation without a usable admin key, or end the access of the key that asks.

Pure.
"""

import enum
from datetime import datetime, timedelta

from services.keys.lifecycle.key import Access, Key, Status
from shared.values.ip_addresses import is_within_any

# An admin key that ends earlier by its own expiry is no way back for anybody.
USABLE_FOR = timedelta(days=1)


class Loss(enum.StrEnum):
    """What would be lost, in words for the caller."""

    LAST_ADMIN_KEY = "the organisation would have no admin key left that is active and lasts another day"
    OWN_KEY = "it would end the calling key; POST /v1/keys/self/revoke gives it up"
    OWN_SUSPENSION = "it would suspend the calling key"
    OWN_PERMISSION = "it would take from the calling key the permission that the change needs"
    OWN_ADDRESS = "the calling key could no longer be used from the address that it is used from now"


class LockOut(Exception):
    """The change would lock somebody out, who did not say that this is wanted."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        super().__init__(loss.value)


def weakens(before: Key | None, after: Key | None, now: datetime) -> bool:
    """Whether the change takes from what an active admin key is to its organisation, and leaves it unusable.

    Not: what leaves its use as it was. A new secret of a key that ends within a day is as soon lost as the key.
    """
    if before is None or after is None or not _is_active_admin(before, now) or _is_usable(after, now):
        return False
    is_as_before = _is_active_admin(after, now) and after.digest == before.digest
    return not (is_as_before and _lasts_as_long(after.access, before.access))


def own_loss(before: Key | None, after: Key | None, permission: str | None, address: str | None) -> Loss | None:
    """What the key that asks for a change of itself would lose. `address`: its caller's; None: not known."""
    if before is None or after is None:
        return None
    if after.revoked_at is not None and before.revoked_at is None:
        return Loss.OWN_KEY
    if after.suspended_at is not None and before.suspended_at is None:
        return Loss.OWN_SUSPENSION
    if permission is not None and not {"admin", permission} & set(after.permissions):
        return Loss.OWN_PERMISSION
    networks = after.access.allowed_addresses
    if networks == before.access.allowed_addresses or address is None or is_within_any(address, networks):
        return None
    return Loss.OWN_ADDRESS


def usable_beyond(now: datetime) -> datetime:
    """An admin key that has an expiry is usable if it expires after this moment."""
    return now + USABLE_FOR


def _is_active_admin(key: Key, now: datetime) -> bool:
    return "admin" in key.permissions and key.status(now) is Status.ACTIVE


def _is_usable(key: Key, now: datetime) -> bool:
    expires_at = key.access.expires_at
    return _is_active_admin(key, now) and (expires_at is None or expires_at > usable_beyond(now))


def _lasts_as_long(after: Access, before: Access) -> bool:
    if after.expires_at is None:
        return True
    return before.expires_at is not None and after.expires_at >= before.expires_at
