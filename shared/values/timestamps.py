"""Timestamp conversions: aware UTC datetimes to and from RFC 3339 texts, and micro- or nanoseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# RFC 3339, section 5.6. Python's own parser takes all of ISO 8601: weeks, ordinal dates, times without seconds.
_DATE, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
_RFC_3339 = re.compile(rf"{_DATE}[Tt]{_TIME}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})")
_PLUS_LOST = re.compile(rf"{_DATE}[Tt]{_TIME} [0-9]{{2}}:[0-9]{{2}}")
_LOOKS_LIKE = "must be an RFC 3339 time with a UTC offset, such as 2026-11-23T08:17:00Z or 2026-11-23T10:17:00+02:00"
_SEND_PLUS = f"{_LOOKS_LIKE}; a + in a query is sent as %2B"


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T08:17:00.000000Z`: always UTC, always microseconds, so texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_rfc3339(text: str) -> datetime:
    """Aware UTC; digits below a microsecond are dropped. Raises ValueError, which says what a time looks like."""
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError(_SEND_PLUS if _PLUS_LOST.fullmatch(text) else _LOOKS_LIKE)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_LOOKS_LIKE) from None  # no such day or hour, or outside the years 1 to 9999 in UTC


def from_stored(text: str) -> datetime:
    """A text that `rfc3339` wrote, and nobody has changed: four times as fast as to look whether it is one."""
    return datetime.fromisoformat(text)


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
