"""Time range that is asked for: `start` belongs to it, `end` does not; and times as the product's pages write them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from shared.values.timestamps import to_nanoseconds
from shared.web.problems.catalogue import Problem
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.refusals import refuses

RANGE_DEFAULT = timedelta(minutes=1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WITHOUT_OFFSET = re.compile(rf"{_DATE.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?", re.ASCII)
_YEARS = "must be between the years 1901 and 2199"


@refuses(_YEARS)
def within_recorded_time(moment: datetime) -> None:
    """Before 1900 nothing was recorded; and nanoseconds since 1970 must fit 64 bits."""
    if not 1900 < moment.year < 2200:
        raise ValidationError(_YEARS)


class RecordedTime(Timestamp):
    """Loads RFC 3339, and ISO 8601's shorter forms: a time without an offset is UTC, a date is its midnight."""

    def __init__(self, **more: Any) -> None:
        super().__init__(validate=within_recorded_time, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if isinstance(value, str):
            if _DATE.fullmatch(value):
                value = f"{value}T00:00:00Z"
            elif _WITHOUT_OFFSET.fullmatch(value):
                value = f"{value}Z"
        return super()._deserialize(value, attr, data, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """[start, end) in nanoseconds since 1970. Empty where both are 0."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


def time_range(
    start: datetime | None, end: datetime | None, last_sample_at: datetime | None, longest: timedelta
) -> TimeRange:
    """With defaults for what is left out: the latest recorded minute, or the minute after or before what is told.

    Raises Problem.
    """
    if start is None and end is None and last_sample_at is not None:
        # Past the last sample, whose time is rounded to a microsecond here.
        end = last_sample_at + timedelta(microseconds=1)
    if start is None:
        start = end - RANGE_DEFAULT if end else None
    if end is None:
        end = start + RANGE_DEFAULT if start else None
    if start is None or end is None:
        return TimeRange(start_ns=0, end_ns=0)
    if end <= start:
        raise Problem("invalid-request", "end: must be later than start")
    if end - start > longest:
        raise Problem("range-too-long", too_long(end - start, longest))
    return TimeRange(start_ns=to_nanoseconds(start), end_ns=to_nanoseconds(end))


def too_long(length: timedelta, longest: timedelta) -> str:
    return f"the range is {length.total_seconds():.0f} s long; the limit is {longest.total_seconds():.0f} s"
