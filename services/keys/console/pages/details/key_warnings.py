"""What the owner of a key should know of it: it expires soon, outlives the organisation's rule, is not used … Pure."""

import enum
from datetime import datetime, timedelta

from services.keys.lifecycle.key import Status
from services.keys.views.queries import KeyView

EXPIRES_SOON = timedelta(days=14)
UNUSED_FOR = timedelta(days=90)


class KeyWarning(enum.StrEnum):
    EXPIRING = "expiring"
    BEYOND_LIFETIME = "beyond-lifetime"
    UNUSED = "unused"
    OLD_SECRET = "old-secret"  # noqa: S105  no secret
    IN_URLS = "in-urls"


def warnings(key: KeyView, now: datetime) -> tuple[KeyWarning, ...]:
    """The most pressing first. Of a key that has ended there is none."""
    if key.status not in (Status.ACTIVE, Status.SUSPENDED):
        return ()
    holds = {
        KeyWarning.EXPIRING: key.expires_at is not None and key.expires_at - now <= EXPIRES_SOON,
        KeyWarning.BEYOND_LIFETIME: key.exceeded_lifetime_days is not None,
        KeyWarning.UNUSED: is_unused(key, now),
        KeyWarning.OLD_SECRET: key.grace_until is not None and key.grace_until > now,
        KeyWarning.IN_URLS: key.allow_query,
    }
    return tuple(warning for warning, is_so in holds.items() if is_so)


def is_unused(key: KeyView, now: datetime) -> bool:
    """Whether nothing was asked with it for long; a new secret begins anew, as in the organisation's rule."""
    return now - max(filter(None, (key.last_used_at, key.rotated_at, key.created_at))) > UNUSED_FOR
