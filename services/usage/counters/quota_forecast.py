"""Quota forecast: when the day's quota will be used up, at the rate of the last hour. Pure.

The rate is of a whole hour, across midnight: a few requests in a day's first seconds tell nothing about the day.
"""

from datetime import datetime, timedelta

from shared.values.timestamps import midnight

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def exhausted_at(*, used: int, limit: int | None, in_last_hour: int, now: datetime) -> datetime | None:
    """`used`: spent today; `in_last_hour`: spent in the last hour, today or not.

    None: it lasts until UTC midnight, or is unlimited.
    """
    if limit is None:
        return None
    if used >= limit:
        return now
    if not in_last_hour:
        return None
    hours_left = (limit - used) / in_last_hour
    return now + hours_left * _HOUR if hours_left * _HOUR < midnight(now) + _DAY - now else None
