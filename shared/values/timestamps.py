"""Timestamp conversions: aware UTC datetimes to and from RFC 3339 texts, and micro- or nanoseconds since 1970."""

from datetime import UTC, datetime, timedelta

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T08:17:00.000000Z`: always UTC, always microseconds, so texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_rfc3339(text: str) -> datetime:
    """Aware UTC. Raises ValueError when the text names no moment, or names one without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no UTC offset in {text!r}")
    return moment.astimezone(UTC)


def from_nanoseconds(nanoseconds: int) -> datetime:
    """Since 1970, UTC; to the nearest microsecond."""
    return _EPOCH + timedelta(microseconds=(nanoseconds + 500) // 1000)


def to_nanoseconds(moment: datetime) -> int:
    """Since 1970, UTC; exact."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def from_microseconds(microseconds: int) -> datetime:
    """Since 1970, UTC; exact."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(moment: datetime) -> int:
    """Since 1970, UTC; exact."""
    return (moment - _EPOCH) // _MICROSECOND


def midnight(moment: datetime) -> datetime:
    """The start of the UTC day that the moment is in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
