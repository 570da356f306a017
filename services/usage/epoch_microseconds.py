"""Moments as usage stores them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Exact."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def midnight(now: datetime) -> datetime:
    """With which the UTC day of that moment began."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
