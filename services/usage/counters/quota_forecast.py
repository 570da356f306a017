"""When the day's quota will be used up, if the key goes on as it did in the last hour."""

from datetime import datetime, timedelta

from shared.values.timestamps import midnight

_HOUR = timedelta(hours=1)


def exhausted_at(*, used: int, limit: int | None, in_last_hour: int, now: datetime) -> datetime | None:
    """`used`: today; `in_last_hour`: of that. None when it will last until the day ends, or is unlimited."""
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
