"""Expiry of keys: which warnings and expiries are due, by their expiry time or for want of use. Pure; a timer calls it.

No key expires for want of use without a warning a week before, and uses count only up to the moment they are known.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.keys.events import KeyEvent, KeyExpired, KeyExpiryNear
from services.keys.lifecycle.key import ExpiryReason, Key
from services.keys.lifecycle.moments import next_moment
from shared.contracts.keys import UNUSED_AT_LEAST

WARNING_DAYS = (1, 3, 14)
UNUSED_WARNING_DAYS = 7
_NOTICE = timedelta(days=UNUSED_WARNING_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """`unused_expiry_days`: the organisation's setting. `known_until`: all uses before that moment are known."""

    last_used_at: datetime | None
    known_until: datetime | None
    unused_expiry_days: int | None


def sets_end(before: Key | None, after: Key) -> bool:
    """Whether the key, or the secret before its newest, is to end at a time at which neither was to end before."""
    ends = {after.access.expires_at, after.grace_until}
    known = set() if before is None else {before.access.expires_at, before.grace_until}
    return not ends <= {*known, None}


def idle_until_warned(unused_expiry_days: int) -> timedelta:
    """How long a key is not used before it is warned of. Where it may be idle for little more than the notice, it
    expires later than it might: each use would else be followed by a warning.
    """
    return max(timedelta(days=unused_expiry_days) - _NOTICE, UNUSED_AT_LEAST)


def age(state: Key | None, use: Use, now: datetime) -> tuple[KeyEvent, ...]:
    """The warning or expiry that is due by now; none when it is recorded already."""
    if state is None or state.revoked_at or state.expired_at or state.deleted_at:
        return ()
    expires_at = state.access.expires_at
    if expires_at is not None and now >= expires_at:
        recorded_at = next_moment(state.changed_at, now)
        return (_expired(state, expires_at, ExpiryReason.TIME, recorded_at),)
    return _unused(state, use, now) or _near(state, now)


def _near(state: Key, now: datetime) -> tuple[KeyEvent, ...]:
    """The nearest warning that is due; not one that was late when the expiry was set, nor one given before."""
    expires_at = state.access.expires_at
    if expires_at is None:
        return ()
    for days in WARNING_DAYS:
        due_at = expires_at - timedelta(days=days)
        was_late = due_at <= state.expiry_set_at <= now  # dated ahead, by a clock that was wrong: nobody knows
        if due_at <= now and not was_late:
            is_given = state.days_warned is not None and state.days_warned <= days
            return () if is_given else (_warning(state, expires_at, days, ExpiryReason.TIME, now),)
    return ()


def _unused(state: Key, use: Use, now: datetime) -> tuple[KeyEvent, ...]:
    """Judged as of the moment until which uses are known: while usage is silent, no key counts as unused."""
    if use.unused_expiry_days is None or use.known_until is None or state.suspended_at is not None:
        return ()
    known = min(now, use.known_until)
    since = max(state.active_since, use.last_used_at or state.active_since)
    ends_at = since + timedelta(days=use.unused_expiry_days)
    told = state.unused_expires_at
    if told is None or told < ends_at:
        if known < since + idle_until_warned(use.unused_expiry_days):
            return ()
        return (_warning(state, max(ends_at, now + _NOTICE), UNUSED_WARNING_DAYS, ExpiryReason.UNUSED, now),)
    if known < told:
        return ()
    return (_expired(state, next_moment(state.changed_at, now), ExpiryReason.UNUSED),)


def _warning(state: Key, expires_at: datetime, days: int, reason: ExpiryReason, now: datetime) -> KeyExpiryNear:
    return KeyExpiryNear(
        key_id=state.key_id,
        organisation_id=state.organisation_id,
        expires_at=expires_at,
        days_left=days,
        reason=reason.value,
        warned_at=next_moment(state.changed_at, now),
    )


def _expired(state: Key, at: datetime, reason: ExpiryReason, recorded_at: datetime | None = None) -> KeyExpired:
    return KeyExpired(
        key_id=state.key_id,
        organisation_id=state.organisation_id,
        expired_at=at,
        reason=reason.value,
        recorded_at=recorded_at,
    )
