"""Quota forecast: when the day's quota will be used up, at the rate of the last hour. Pure."""

from datetime import datetime, timedelta

from shared.values.timestamps import midnight

_HOUR = timedelta(hours=1)


def exhausted_at(*, used: int, limit: int | None, in_last_hour: int, now: datetime) -> datetime | None:
    """`used`: spent today; `in_last_hour`: spent of that. None: it lasts until UTC midnight, or is unlimited."""
    if limit is None:
        return None
    if used >= limit:
        return now
    today = midnight(now)
    span = min(_HOUR, now - today)
    if not in_last_hour or not span:
        return None
    at = now + (limit - used) / in_last_hour * span
    return at if at < today + timedelta(days=1) else None
