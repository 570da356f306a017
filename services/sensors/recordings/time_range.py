"""Time range that is asked for: `start` belongs to it, `end` does not; and times of which there may be recordings."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from shared.values.timestamps import to_nanoseconds
from shared.web.problems.catalogue import Problem
from shared.web.requests.timestamp import DataTime
from shared.web.schemas.refusals import refuses

RANGE_DEFAULT = timedelta(minutes=1)
_YEARS = "must be between the years 1901 and 2199"


@refuses(_YEARS)
def within_recorded_time(moment: datetime) -> None:
    """Before 1900 nothing was recorded; and nanoseconds since 1970 must fit 64 bits."""
    if not 1900 < moment.year < 2200:
        raise ValidationError(_YEARS)


class RecordedTime(DataTime):
    def __init__(self, **more: Any) -> None:
        super().__init__(validate=within_recorded_time, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """[start, end) in nanoseconds since 1970. Empty where nothing was asked for and nothing was ever recorded."""

    start_ns: int
    end_ns: int

    @property
    def is_empty(self) -> bool:
        return self.start_ns == self.end_ns


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
