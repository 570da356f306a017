"""Badges of a key in the list: what somebody should know before it hurts. Pure."""

import enum
from datetime import datetime, timedelta

from services.keys.lifecycle.expiry import WARNING_DAYS
from services.keys.lifecycle.key import Status
from services.keys.views.queries import KeyView

EXPIRING = timedelta(days=max(WARNING_DAYS))
UNUSED = timedelta(days=90)


class Badge(enum.StrEnum):
    EXPIRING = "expiring"
    UNUSED = "unused"
    IN_GRACE = "in-grace"
    OLD_SECRET_USED = "old-secret-used"  # noqa: S105  no secret
    IN_URLS = "in-urls"
    SENT_IN_URL = "sent-in-url"
    NEW_SOURCE = "new-source"
    BEYOND_LIFETIME = "beyond-lifetime"


def badges(key: KeyView, now: datetime, new_source_at: datetime | None) -> tuple[Badge, ...]:
    """Of a key that can be used; another needs no warning. `new_source_at`: its last use from a source new to it."""
    if key.status is not Status.ACTIVE:
        return ()
    is_in_grace = key.grace_until is not None and key.grace_until > now
    is_so = {
        Badge.EXPIRING: key.expires_at is not None and key.expires_at <= now + EXPIRING,
        Badge.UNUSED: (key.last_used_at or key.created_at) <= now - UNUSED,
        Badge.IN_GRACE: is_in_grace and key.previous_used_at is None,
        Badge.OLD_SECRET_USED: is_in_grace and key.previous_used_at is not None,
        Badge.SENT_IN_URL: key.sent_in_query_at is not None,
        Badge.IN_URLS: key.allow_query and key.sent_in_query_at is None,
        Badge.NEW_SOURCE: new_source_at is not None,
        Badge.BEYOND_LIFETIME: key.exceeded_lifetime_days is not None,
    }
    return tuple(badge for badge, has in is_so.items() if has)
