"""Moments of a stream: when each of its events happened, which of them had happened by a time, and when the next may.

Pure. A command's moment is later than all before it in its stream, also when a clock steps back: so a key as of
any moment that it tells of itself, such as `suspended_at`, contains that very change, and none after it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import assert_never

from services.keys.events import (
    KeyAccessChanged,
    KeyCreated,
    KeyDeleted,
    KeyDescribed,
    KeyEvent,
    KeyExpired,
    KeyExpiryNear,
    KeyPermissionsChanged,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
    LifetimesChanged,
    OrganisationEvent,
    OrganisationRegistered,
    TierChanged,
    UnusedExpiryChanged,
)

_STEP = timedelta(microseconds=1)
BY_TIME = "time"  # the reason of a KeyExpired that tells of an expiry time which had passed


def next_moment(last: datetime, now: datetime) -> datetime:
    """The moment of the next command of a stream whose last change was at `last`."""
    return max(now, last + _STEP)


def own_moment(event: KeyEvent | OrganisationEvent) -> datetime | None:
    """When it happened, by itself. None: an expiry by time of an older version, which does not say so."""
    match event:
        case KeyCreated():
            return event.created_at
        case KeyDescribed():
            return event.described_at
        case KeyPermissionsChanged() | KeyAccessChanged():
            return event.changed_at
        case TierChanged() | UnusedExpiryChanged() | LifetimesChanged():
            return event.changed_at
        case KeyRotated():
            return event.rotated_at
        case KeySuspended():
            return event.suspended_at
        case KeyResumed():
            return event.resumed_at
        case KeyExpiryNear():
            return event.warned_at
        case KeyExpired():
            return event.recorded_at if event.reason == BY_TIME else event.expired_at
        case KeyRevoked():
            return event.revoked_at
        case KeyDeleted():
            return event.deleted_at
        case OrganisationRegistered():
            return event.registered_at
        case _:
            assert_never(event)


def moments(history: Iterable[tuple[KeyEvent | OrganisationEvent, datetime]]) -> tuple[datetime, ...]:
    """When each of a stream's events happened, from (event, when it was recorded), in their order."""
    found: list[datetime] = []
    for event, recorded_at in history:
        own = own_moment(event)
        found.append(own or (next_moment(max(found), recorded_at) if found else recorded_at))
    return tuple(found)


def count_until(happened: Iterable[datetime], moment: datetime) -> int:
    """How many of a stream's events are in its state as of the moment: up to the last that had happened by then."""
    return max((number for number, at in enumerate(happened, 1) if at <= moment), default=0)
