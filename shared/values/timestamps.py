"""RFC 3339 texts and aware UTC datetimes, one into the other."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
